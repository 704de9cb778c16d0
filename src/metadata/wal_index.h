/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How SQLite opens a database here: as everywhere, except that the index of its write-ahead log is
 * kept from one command to the next.
 *
 * The index ("hull.db-shm") says where in the log the newest form of each page is. SQLite makes it
 * anew whenever a database is opened that nobody else has open, for which it reads the whole log and
 * checks every byte; where there is no daemon that is nearly every command, and the log would have to
 * be short, with a checkpoint (and three waits for the disk) every few commands. So this file is not
 * thrown away if it is known to be good: made since the host was booted, no copy, and of the very log
 * that is there. Then opening is what it is beside another process that has the database open, and as safe:
 * whoever is killed leaves what SQLite is prepared for.
 *
 * Locks and layout are SQLite's own (https://sqlite.org/walformat.html), so that the sqlite3 shell
 * may have the database open at the same time.
 */
#pragma once

#include <sqlite3.h>

/* A file system layer of SQLite for one connection; it outlives the connection. */
struct wal_index_vfs {
	sqlite3_vfs vfs; /* the default one with another xOpen */
	sqlite3_vfs *own;
	char name[32];
};

/* To be given to sqlite3_open_v2() as vfs.zName. SQLITE_OK or an error of SQLite's. */
int wal_index_register(struct wal_index_vfs *v);
void wal_index_unregister(struct wal_index_vfs *v);

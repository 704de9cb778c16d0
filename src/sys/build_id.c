/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/build_id.h"

#include <elf.h>
#include <link.h>
#include <string.h>

struct search {
	unsigned char *id;
	bool found;
};

static size_t align_up(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* A segment of notes: header, name, description, each padded to four bytes. */
static bool search_notes(const char *notes, size_t size, unsigned char id[BUILD_ID_SIZE])
{
	ElfW(Nhdr) note;

	while (size >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		size_t name = align_up(note.n_namesz),
		       all = sizeof(note) + name + align_up(note.n_descsz);
		if (all > size)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
			memcmp(notes + sizeof(note), "GNU", sizeof("GNU")) == 0 &&
			note.n_descsz > 0 && note.n_descsz <= BUILD_ID_SIZE) {
			memcpy(id, notes + sizeof(note) + name, note.n_descsz);
			return true;
		}
		notes += all;
		size -= all;
	}
	return false;
}

/* The first object is the program itself: what is loaded besides is not looked at. */
static int search_object(struct dl_phdr_info *object, size_t size, void *data)
{
	struct search *s = data;

	for (size_t i = 0; i < object->dlpi_phnum && !s->found; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		if (p->p_type == PT_NOTE)
			s->found = search_notes(
				(const char *)(object->dlpi_addr + p->p_vaddr), p->p_memsz, s->id);
	}
	return 1;
}

bool program_build_id(unsigned char id[BUILD_ID_SIZE])
{
	struct search s = {.id = id};

	memset(id, 0, BUILD_ID_SIZE);
	dl_iterate_phdr(search_object, &s);
	return s.found;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* values are sorted; p in percent, nearest rank. */
static double percentile(const uint64_t *values, size_t n, unsigned p)
{
	size_t rank = (n * p + 99) / 100;

	return (double)values[rank > 0 ? rank - 1 : 0];
}

static double median(const uint64_t *values, size_t n)
{
	return ((double)values[(n - 1) / 2] + (double)values[n / 2]) / 2;
}

static const struct test_case *find_base(const struct measure *m, const char *name)
{
	for (size_t i = 0; i < m->n_cases; i++) {
		if (strcmp(m->cases[i].name, name) == 0 && m->cases[i].n_samples > 0)
			return &m->cases[i];
	}
	return NULL;
}

static void print_ratios(const struct measure *m, const struct test_case *c)
{
	for (size_t i = 0; i < m->n_bases; i++) {
		const struct test_case *base = find_base(m, m->bases[i]);

		if (base)
			printf(" %12.2f", median(c->wall, c->n_samples) /
						  median(base->wall, base->n_samples));
		else
			printf(" %12s", "-");
	}
	putchar('\n');
}

static void print_header(const struct measure *m, const char *unit, const char *columns)
{
	printf("%-28.28s%s", m->group[0] ? m->group : unit, columns);
	for (size_t i = 0; i < m->n_bases; i++) {
		char text[32];

		snprintf(text, sizeof(text), "/ %.20s", m->bases[i]);
		printf(" %12s", text);
	}
	putchar('\n');
}

static void print_times(const struct measure *m)
{
	char columns[64];

	snprintf(columns, sizeof(columns), " %5s %9s %9s %9s %9s %7s", "runs", "ms", "min", "p90",
		"cpu", "MiB");
	print_header(m, "TIME", columns);
	for (size_t i = 0; i < m->n_cases; i++) {
		const struct test_case *c = &m->cases[i];

		if (c->n_samples == 0) {
			printf("%-28s %9s\n", c->name, "failed");
			continue;
		}
		printf("%-28s %5zu %9.2f %9.2f %9.2f %9.2f %7.1f", c->name, c->n_samples,
			median(c->wall, c->n_samples) / 1e6, (double)c->wall[0] / 1e6,
			percentile(c->wall, c->n_samples, 90) / 1e6,
			median(c->cpu, c->n_samples) / 1e6, (double)c->max_rss_kib / 1024);
		print_ratios(m, c);
	}
}

static void print_rates(const struct measure *m)
{
	char columns[64];

	snprintf(columns, sizeof(columns), " %5s %9s %9s %9s", "turns", "per s", "min", "max");
	print_header(m, "THROUGHPUT", columns);
	for (size_t i = 0; i < m->n_cases; i++) {
		const struct test_case *c = &m->cases[i];

		if (c->n_samples == 0) {
			printf("%-28s %9s\n", c->name, "failed");
			continue;
		}
		printf("%-28s %5zu %9.1f %9.1f %9.1f", c->name, c->n_samples,
			median(c->wall, c->n_samples) / 1e3, (double)c->wall[0] / 1e3,
			(double)c->wall[c->n_samples - 1] / 1e3);
		print_ratios(m, c);
	}
}

/* Names are given by scripts of ours: no quotes or backslashes in them. */
static int write_json(const struct measure *m)
{
	FILE *out = fopen(m->json, "ae");

	for (size_t i = 0; out && i < m->n_cases; i++) {
		const struct test_case *c = &m->cases[i];

		fprintf(out, "{\"group\":\"%s\",\"name\":\"%s\"", m->group, c->name);
		if (c->n_samples == 0)
			fputs(",\"failed\":true", out);
		else if (m->parallel > 0)
			fprintf(out, ",\"per_second\":%.3f", median(c->wall, c->n_samples) / 1e3);
		else
			fprintf(out,
				",\"median_ms\":%.4f,\"min_ms\":%.4f,\"p90_ms\":%.4f,"
				"\"cpu_ms\":%.4f,\"max_rss_kib\":%ld",
				median(c->wall, c->n_samples) / 1e6, (double)c->wall[0] / 1e6,
				percentile(c->wall, c->n_samples, 90) / 1e6,
				median(c->cpu, c->n_samples) / 1e6, c->max_rss_kib);
		fputs("}\n", out);
	}
	return out && fclose(out) == 0 ? 0 : -1;
}

int print_results(struct measure *m)
{
	for (size_t i = 0; i < m->n_cases; i++) {
		struct test_case *c = &m->cases[i];

		qsort(c->wall, c->n_samples, sizeof(*c->wall), compare_u64);
		qsort(c->cpu, c->n_samples, sizeof(*c->cpu), compare_u64);
	}
	if (m->parallel > 0)
		print_rates(m);
	else
		print_times(m);
	return m->json ? write_json(m) : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>

#include "tools/pktgen/report/percentile.h"
#include "tools/pktgen/report/report.h"
#include "tools/shared/common.h"
#include "tools/shared/report_file.h"

int report_hdr(const struct histogram *histogram, const char *name)
{
	struct percentile line;
	FILE *file = report_file_open(name);

	if (file == NULL)
		return CODE_FAILED;
	fprintf(file, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	percentile_start(&line, histogram);
	while (percentile_next(&line)) {
		fprintf(file, "%12.3f %2.12f %10" PRIu64, (double)line.value, line.share,
			line.count);
		if (line.share < 1)
			fprintf(file, " %14.2f", 1 / (1 - line.share));
		fputc('\n', file);
	}
	fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
		histogram_average(histogram), percentile_deviation(histogram));
	fprintf(file, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
		(double)histogram->max, histogram->count);
	fprintf(file, "#[Buckets = %12d, SubBuckets     = %12d]\n",
		HISTOGRAM_BUCKETS >> HISTOGRAM_BITS, 1 << HISTOGRAM_BITS);
	return report_file_close(file, name);
}

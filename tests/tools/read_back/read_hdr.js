// SPDX-License-Identifier: BSD-3-Clause
// Reads percentiles as HdrHistogram writes them into a histogram of hdr-histogram-js, holds each line against
// it, and prints what it makes of them.
//
//   read_hdr.js FILE
"use strict";
const fs = require("fs");
const hdr = require("hdr-histogram-js");
const assert = require("assert");

const near = (a, b) => assert.ok(Math.abs(a - b) <= 0.002 * Math.max(a, b) + 1, `${a} is not ${b}`);
const text = fs.readFileSync(process.argv[2], "utf8");
const lines = text.trimEnd().split("\n");
const histogram = hdr.build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, useWebAssembly: false });
const rows = lines.slice(2, -3).map(line => line.trim().split(/\s+/).map(Number));
let before = 0;
for (const [value, , count] of rows) {
  if (count > before) histogram.recordValueWithCount(value, count - before);
  before = count;
}

// The same form as its own.
const own = histogram.outputPercentileDistribution(5, 1).trimEnd().split("\n");
const words = line => line.trim().split(/\s+/).join(" ");
assert.strictEqual(words(lines[0]), words(own[0]));
assert.strictEqual(lines[1].trim(), "");
for (let i = 1; i <= 3; i++)
  assert.strictEqual(lines.at(-i).replace(/ *-?[\d.]+/g, " N"), own.at(-i).replace(/ *-?[\d.]+/g, " N"));

assert.strictEqual(rows.at(-1).length, 3);
for (const [value, share, count, inverse] of rows) {
  near(histogram.getValueAtPercentile(100 * share), value);
  if (inverse !== undefined) near(inverse, 1 / (1 - share));
  assert.ok(count >= share * rows.at(-1)[2] - 1e-6);
}
const mean = Number(/Mean += +([\d.]+)/.exec(text)[1]);
const max = Number(/Max += +([\d.]+)/.exec(text)[1]);
near(histogram.maxValue, max);
console.log(JSON.stringify({ count: histogram.totalCount, max, mean, rows: rows.length,
  p50: histogram.getValueAtPercentile(50), p99: histogram.getValueAtPercentile(99) }));

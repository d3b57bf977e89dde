import assert from "node:assert/strict";
import { test } from "node:test";
import { dateFromDays, daysFromDate } from "./calendar.ts";

test("agrees with the language's calendar on every day of 1900 to 2400", () => {
  const first = Date.UTC(1900, 0, 1) / 86_400_000;
  const last = Date.UTC(2400, 0, 1) / 86_400_000;
  for (let days = first; days <= last; days++) {
    const date = new Date(days * 86_400_000);
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    if (dateFromDays(days) !== year * 10_000 + month * 100 + day || daysFromDate(year, month, day) !== days) {
      assert.fail(`${date.toISOString()}: ${dateFromDays(days)}, ${daysFromDate(year, month, day)}`);
    }
  }
});

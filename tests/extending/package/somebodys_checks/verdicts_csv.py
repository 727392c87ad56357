"""The report `verdicts.csv`: a line per level, for a spreadsheet."""

import csv
import io


class VerdictsCsv:
    file_name = "verdicts.csv"

    def render(self, run):
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["check", "level", "cases", "rate", "verdict"])
        for result in run.results():
            for level in result.levels:
                rate = f"{level.rate:.3f}"
                table.writerow([result.check, str(level.level), level.n, rate, level.verdict])
            table.writerow([result.check, "", "", "", result.verdict])
        return text.getvalue()


VERDICTS_CSV = VerdictsCsv()

"""One self-contained HTML page that shows an answer beside its clip."""

from affect_client.report.build import ClipSource, build_report, report_parts, write_report

__all__ = ["ClipSource", "build_report", "report_parts", "write_report"]

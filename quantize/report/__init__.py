"""What `compare` finds out about a student, float against int8, and how it is shown.

records       what a report holds; `read_report` is the way back from report.json
measures      the arithmetic: shares with their intervals, F1, calibration, groups, confusions
thresholds    temperatures and thresholds, fitted
models        artifacts of a stage's folder or of a bundle, and the heads they answer
opened        the same on their engines
answers       every picture through every engine; milliseconds
truth, soft   what is right, by people or by the teacher
judge         answers and truth -> scores
verdicts      scores -> the lines of the gate
gallery       the pictures where float and int8 differ most
notes         what to know before believing a number
compare       all of it, once
table         the report as Markdown
page          the report as HTML: sections, tables, figures; plots of svg
"""

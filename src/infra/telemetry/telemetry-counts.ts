/** What became of log lines, spans and captures since the process started; zero where none are sent. */
export interface TelemetryCounts {
  readonly logLinesDropped: number
  readonly spansExported: number
  readonly spansDropped: number
  readonly capturesKept: number
  readonly capturesDropped: number
}

export const nothingTold: TelemetryCounts = {
  logLinesDropped: 0,
  spansExported: 0,
  spansDropped: 0,
  capturesKept: 0,
  capturesDropped: 0,
}

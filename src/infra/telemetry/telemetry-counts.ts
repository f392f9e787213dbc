/** What became of log lines and spans since the process started; zero where none are sent. */
export interface TelemetryCounts {
  readonly logLinesDropped: number
  readonly spansExported: number
  readonly spansDropped: number
}

export const nothingTold: TelemetryCounts = { logLinesDropped: 0, spansExported: 0, spansDropped: 0 }

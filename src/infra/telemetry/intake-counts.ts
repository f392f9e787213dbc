/** What is taken on at a time, what is under way, and what was refused for want of room since the process started. */
export interface IntakeCounts {
  readonly requests: number
  readonly bodyBytes: number
  readonly capacity: { readonly requests: number; readonly bodyBytes: number }
  /** By what there was too much of. */
  readonly refused: Readonly<Record<string, number>>
}

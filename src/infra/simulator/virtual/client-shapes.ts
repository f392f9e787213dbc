/**
 * Sizes of what Claude Code 2.1.330 sends, in bytes of body, as recorded (test/fixtures/captures; test/infra/simulator/virtual
 * holds these numbers against them), and the pace of people and tools, which recordings of scripts cannot tell: those are
 * assumptions, marked as such.
 */

export const BODY_BYTES = {
  /** flow-simple-text: the first turn in print mode. */
  firstTurn: 49_215,
  /** tui-quiet: the first turn of an interactive session. */
  interactiveTurn: 56_505,
  /** flow-subagent. */
  agentTurn: 32_689,
  /** wire.md 3: the title of a session. */
  title: 4_000,
  /** flow-web-search: the call of its own that a search is. */
  webSearch: 887,
  /** wire.md 3: the summary of a page. */
  webFetch: 1_140,
  /** flow-compact: what the request for a summary adds. */
  compaction: 6_549,
  /** flow-compact: the first body after it. */
  afterCompaction: 50_559,
} as const

/** What a step of the tool loop adds to the body. */
export const GROWTH_BYTES = {
  /** flow-bash-loop, flow-edit-loop: calls with results of a line. */
  least: 267,
  /** flow-long-loop: results of 14 kB, 40 times. */
  most: 19_500,
  /** Assumed, between the two: half of the results are longer than this. */
  median: 2_200,
  sigma: 1.1,
} as const

/** Tools in the request: what tells background calls from the loop. */
export const TOOLS = { main: 12, interactive: 13, agent: 10, title: 0, webSearch: 1, webFetch: 0 } as const

export const MAX_TOKENS = 128_000

/** Of the prompt: tools and system, which survive a compaction (wire.md 3: 31.2 kB and 7 kB). */
export const PREAMBLE_BYTES = 38_200

/** The client compacts before its window is full: assumed at about 150,000 tokens. */
export const COMPACTS_ABOVE_BYTES = 560_000

/** Assumed: tokens of an answer. A tool call is short, a closing answer or a file that is written is not. */
export const ANSWER_TOKENS = {
  step: { median: 190, sigma: 0.8 },
  closing: { median: 450, sigma: 0.7 },
  title: { median: 25, sigma: 0.3 },
  search: { median: 300, sigma: 0.5 },
  compaction: { median: 1_500, sigma: 0.3 },
} as const

/** Assumed: milliseconds. */
export const PACE = {
  tool: { median: 900, sigma: 1.2 },
  /** A person reads and types. */
  pause: { median: 45_000, sigma: 1.0 },
  /** A person is away: beyond the five minutes of a cache. */
  away: { least: 320_000, most: 2_400_000, share: 0.12 },
} as const

/** What the lowering of one request carries along. */
import type { Renaming } from '#domain/dialect/openai/renaming.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export interface Lowering {
  readonly quirks: OpenAiQuirks
  readonly tools: Renaming
  readonly ids: Renaming
  /** What the server will not see, as paths without positions: `container`, `messages.thinking`, `tools.web_search_20250305`. */
  readonly dropped: Set<string>
}

/**
 * `finish_reason` → `stop_reason`. Servers say `stop` after tool calls, or words of other dialects; the client runs tools by
 * the blocks it got, and the reason must agree with them.
 */
export type StopReason = 'end_turn' | 'max_tokens' | 'tool_use' | 'refusal'

export interface Stop {
  readonly stop_reason: StopReason
  readonly stop_sequence: null
  readonly stop_details: { readonly type: 'refusal'; readonly category: null; readonly explanation: null } | null
}

/** The server broke off: OpenRouter, DeepSeek out of resources, vLLM aborted. Such an answer is not one. */
const FAILED = new Set(['error', 'insufficient_system_resource', 'abort'])

export const isFailedFinish = (finish: string): boolean => FAILED.has(finish)

export const raiseStop = (finish: string, calls: number, refused: boolean): Stop => {
  const reason = reasonOf(finish, calls, refused)
  const stop_details = reason === 'refusal' ? ({ type: 'refusal', category: null, explanation: null } as const) : null
  return { stop_reason: reason, stop_sequence: null, stop_details }
}

const reasonOf = (finish: string, calls: number, refused: boolean): StopReason => {
  if (refused || finish === 'content_filter') return 'refusal'
  switch (finish) {
    case 'length':
    case 'max_tokens':
    case 'model_length':
      return 'max_tokens'
    default:
      return calls > 0 ? 'tool_use' : 'end_turn'
  }
}

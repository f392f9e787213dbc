/**
 * How well a run of Claude Code went, read from its `--output-format stream-json`.
 */
type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

export interface ClaudeScore {
  /** It came to an end and did not call it an error. */
  readonly finished: boolean
  /** The file holds what it was asked to write. */
  readonly fileRight: boolean
  /** The answer names it too, so it was read back. */
  readonly answerRight: boolean
  /** Retries that the user would have seen. */
  readonly retries: number
  readonly toolCalls: number
}

export interface ClaudeOutcome {
  /** Exit code; null when it was killed. */
  readonly code: number | null
  readonly stdout: string
  /** Undefined when there is no file. */
  readonly file: string | undefined
}

/** @param word what the file should hold, and nothing else */
export const scoreOf = ({ code, stdout, file }: ClaudeOutcome, word: string): ClaudeScore => {
  const events = stdout.split('\n').flatMap(eventOf)
  const end = events.findLast(({ type }) => type === 'result')
  return {
    finished: code === 0 && end?.is_error === false,
    fileRight: file?.trim() === word,
    answerRight: typeof end?.result === 'string' && end.result.includes(word),
    retries: events.filter(({ type, subtype }) => type === 'system' && subtype === 'api_retry').length,
    toolCalls: events.filter(({ type }) => type === 'assistant').flatMap(toolCallsOf).length,
  }
}

const eventOf = (line: string): readonly Json[] => {
  try {
    const event: unknown = JSON.parse(line)
    return isObject(event) ? [event] : []
  } catch {
    // Not all that it prints is an event.
    return []
  }
}

const toolCallsOf = ({ message }: Json): readonly unknown[] => {
  const content = isObject(message) ? message.content : undefined
  return Array.isArray(content) ? content.filter((block) => isObject(block) && block.type === 'tool_use') : []
}

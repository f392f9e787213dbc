/**
 * The requests of a session as Claude Code sends them: each repeats the one before, with an answer and what came of it, and the
 * mark for the cache moves on to the last message, which turns its text into a list of blocks (wire.md 4).
 */

export interface Turn {
  readonly request: Buffer
  /** A stream of events. */
  readonly answer: Buffer
}

/** Reproducible filler that does not repeat itself. @param seed tells one text from another */
const prose = (seed: number, length: number): string => {
  let state = (seed + 1) * 2_654_435_761
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0
    text += `${state.toString(36)} `
  }
  return text.slice(0, length)
}

const MARK = { cache_control: { type: 'ephemeral' } }

export const growingSession = (turns: number): readonly Turn[] => {
  const system = [
    { type: 'text', text: 'You are a coding assistant.', ...MARK },
    { type: 'text', text: prose(1, 7_000), ...MARK },
  ]
  const tools = Array.from({ length: 20 }, (_, n) => ({
    name: `tool_${n}`,
    description: prose(100 + n, 1_200),
    input_schema: { type: 'object', properties: { path: { type: 'string' } } },
  }))
  const messages: { readonly role: string; readonly content: string | readonly object[] }[] = [
    { role: 'user', content: prose(2, 900) },
  ]
  return Array.from({ length: turns }, (_, n): Turn => {
    const last = messages.at(-1)
    const shown = [...messages.slice(0, -1), { role: last?.role, content: markedContent(last?.content ?? '') }]
    const request = { model: 'claude-opus-5-5', max_tokens: 32_000, stream: true, system, tools, messages: shown }
    const said = prose(1_000 + n, 500)
    messages.push(
      {
        role: 'assistant',
        content: [
          { type: 'text', text: said },
          { type: 'tool_use', id: `toolu_${n}`, name: 'tool_1', input: { path: `src/file-${n}.ts` } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: `toolu_${n}`, content: prose(2_000 + n, 4_000) }] },
    )
    return { request: Buffer.from(JSON.stringify(request)), answer: Buffer.from(streamOf(said)) }
  })
}

const markedContent = (content: string | readonly object[]) =>
  typeof content === 'string'
    ? [{ type: 'text', text: content, ...MARK }]
    : content.map((block, index) => (index === content.length - 1 ? { ...block, ...MARK } : block))

const streamOf = (said: string): string =>
  (said.match(/.{1,40}/g) ?? [])
    .map(
      (text) =>
        `event: content_block_delta\ndata: ${JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })}\n\n`,
    )
    .join('')

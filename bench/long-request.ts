/**
 * A long conversation of Claude Code, made of what a recorded first turn has in texts: turns of thinking, a word, a call and
 * what the tool returned, until the body has the size asked for.
 */
import { claudeCodeCall } from './load.ts'

interface Body {
  readonly system: readonly { readonly text: string }[]
  readonly tools: readonly { readonly description: string }[]
  readonly messages: readonly object[]
}

/** The JSON of a streamed request, of about so many bytes; the texts are ASCII with many line feeds, as source code is. */
export const longRequest = (bytes: number): Buffer => {
  const first = JSON.parse(claudeCodeCall('stream').body.toString()) as Body
  const text = [...first.system, ...first.tools].map((one) => ('text' in one ? one.text : one.description)).join('\n')
  const turns: object[] = []
  // Turns are counted by what they are about to be as JSON: escapes add a few per cent.
  for (let size = 0, turn = 0; size < bytes; turn++) {
    const from = (turn * 997) % Math.floor(text.length / 2)
    const added = toolTurn(turn, text.slice(from, from + RESULT_CHARACTERS[turn % RESULT_CHARACTERS.length]!), text)
    size += JSON.stringify(added).length
    turns.push(...added)
  }
  return Buffer.from(JSON.stringify({ ...first, messages: [...first.messages.slice(0, 1), ...turns] }))
}

/** Of tool results: most are a screenful, some a whole file. */
const RESULT_CHARACTERS = [800, 2_500, 15_000, 1_200, 6_000, 20_000]
const THINKING_CHARACTERS = 600
/** Signatures are base64 and grow with the thinking. */
const SIGNATURE = `Ep${'QWxsIGFib2FyZC4gV'.repeat(40)}==`

const toolTurn = (turn: number, result: string, text: string): readonly object[] => {
  const id = `toolu_01${String(turn).padStart(22, '0')}`
  return [
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: text.slice(0, THINKING_CHARACTERS), signature: SIGNATURE },
        { type: 'text', text: 'Let me look at the next file.' },
        { type: 'tool_use', id, name: 'Read', input: { file_path: `/project/src/file-${turn}.ts` } },
      ],
    },
    { role: 'user', content: [{ tool_use_id: id, type: 'tool_result', content: result }] },
  ]
}

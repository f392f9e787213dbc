/**
 * A message as a chat completion: in one piece, or as the chunks of a stream.
 */
import {
  blockTokens,
  type FullBlock,
  isText,
  isThinking,
  type Message,
  type ToolUseBlock,
} from '#infra/simulator/content.ts'
import { type ChatStyle, finishReasonOf, thinkingOf } from '#infra/simulator/openai/chat-style.ts'
import { fragmentsOf, type NumberedCall, wholeCall } from '#infra/simulator/openai/tool-fragments.ts'
import { cut, type StreamEvent, type StreamShape } from '#infra/simulator/stream-events.ts'

/** The body of an answer that is not streamed. */
export const completionObject = (message: Message, style: ChatStyle): object => {
  const { sloppy } = style
  const thinking = thinkingOf(message.blocks)
  const tagged = sloppy.thinkTags ? thinking.map((block) => `<think>${block.thinking}</think>`).join('') : ''
  const text =
    tagged +
    message.blocks
      .filter(isText)
      .map((block) => block.text)
      .join('')
  const calls = callsOf(message.blocks).map((call) => wholeCall(call, style))
  return {
    id: message.id,
    object: 'chat.completion',
    created: style.created,
    model: message.model,
    ...style.members,
    choices: [
      {
        index: 0,
        ...style.choiceMembers(message, true),
        message: {
          ...(sloppy.nulls ? NULLS : {}),
          role: 'assistant',
          content: text === '' ? null : text,
          refusal: null,
          ...style.thinkingMembers(thinking),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        finish_reason: finishReasonOf(message, sloppy),
      },
    ],
    ...(sloppy.noUsage ? {} : { usage: style.usage(message) }),
  }
}

/** The chunks, `[DONE]` included. */
export const chatEvents = (message: Message, shape: StreamShape, style: ChatStyle): readonly StreamEvent[] => {
  const { sloppy } = style
  const events: StreamEvent[] = []
  let tokens = 0
  const send = (text: string): void => {
    events.push({ bytes: Buffer.from(text), tokens })
  }
  const chunk = (choices: readonly object[], usage: object): void =>
    send(
      sse({
        id: message.id,
        object: 'chat.completion.chunk',
        created: style.created,
        model: message.model,
        ...style.members,
        choices,
        ...usage,
      }),
    )
  // With `include_usage` every chunk has the member, and all but the last have nothing in it.
  const noUsage = style.streamUsage === 'asked' || sloppy.nulls ? { usage: null } : {}
  const say = (delta: object, finish: string | null = null): void =>
    chunk(
      [
        {
          index: 0,
          delta: sloppy.nulls ? { ...NULLS, ...delta } : delta,
          ...style.choiceMembers(message, finish !== null),
          finish_reason: finish,
        },
      ],
      noUsage,
    )

  if (sloppy.keepAliveComments) send(KEEP_ALIVE)
  const talks = message.blocks.some(isText)
  say({ role: 'assistant', content: talks ? '' : null, refusal: null })
  for (const [nth, { delta, made }] of deltasOf(message, shape, style).entries()) {
    tokens += made
    say(delta)
    if (sloppy.emptyDeltas) say(nth % 2 === 0 ? {} : { content: '' })
    if (sloppy.keepAliveComments) send(nth % 2 === 0 ? KEEP_ALIVE : '\n')
  }
  say(style.streamUsage === 'withChoice' ? { content: '' } : {}, finishReasonOf(message, sloppy))
  if (style.streamUsage === 'asked') chunk([], { usage: style.usage(message) })
  if (style.streamUsage === 'withChoice') chunk([lastChoice(message, style)], { usage: style.usage(message) })
  if (!sloppy.noDone) send('data: [DONE]\n\n')
  return events
}

const KEEP_ALIVE = ': keep-alive\n\n'
const NULLS = {
  content: null,
  refusal: null,
  function_call: null,
  tool_calls: null,
  reasoning_content: null,
  audio: null,
}

export const sse = (data: object): string => `data: ${JSON.stringify(data)}\n\n`

/** The choice beside the usage says nothing, and its reason once more or not at all. */
const lastChoice = (message: Message, style: ChatStyle): object => ({
  index: 0,
  delta: { content: '' },
  ...style.choiceMembers(message, false),
  finish_reason: style.sloppy.usageWithChoice ? finishReasonOf(message, style.sloppy) : null,
})

interface Delta {
  readonly delta: object
  /** Output tokens that it is worth. */
  readonly made: number
}

const deltasOf = (message: Message, shape: StreamShape, style: ChatStyle): readonly Delta[] => {
  const parts = (text: string): readonly string[] => cut(text, shape.charactersPerDelta)
  const shared = (blocks: readonly FullBlock[], deltas: readonly object[]): readonly Delta[] => {
    const whole = blocks.reduce((sum, block) => sum + blockTokens(block), 0)
    return deltas.map((delta) => ({ delta, made: whole / deltas.length }))
  }
  let calls = 0
  let thoughts = 0
  return runsOf(message.blocks).flatMap((run) => {
    const [block] = run
    if (block === undefined) return []
    if (isText(block))
      return shared(
        run,
        parts(block.text).map((content) => ({ content })),
      )
    if (isThinking(block)) return shared(run, style.thinkingDeltas(block, thoughts++, parts))
    if (!isCall(block)) return []
    const numbered = run.filter(isCall).map((call) => ({ nth: calls++, block: call }))
    return shared(
      run,
      fragmentsOf(numbered, style, parts).map((fragment) => ({ tool_calls: [fragment] })),
    )
  })
}

/** Neighbouring tool calls together, everything else alone. */
const runsOf = (blocks: readonly FullBlock[]): readonly (readonly FullBlock[])[] => {
  const runs: FullBlock[][] = []
  for (const block of blocks) {
    const last = runs.at(-1)
    if (isCall(block) && last?.[0] !== undefined && isCall(last[0])) last.push(block)
    else runs.push([block])
  }
  return runs
}

const isCall = (block: FullBlock): block is Required<ToolUseBlock> => block.type === 'tool_use'

const callsOf = (blocks: readonly FullBlock[]): readonly NumberedCall[] =>
  blocks.filter(isCall).map((block, nth) => ({ nth, block }))

/**
 * The conversation, turn by turn. A turn is what one assistant message called for and all that came back before the next
 * one. OpenAI demands that the answers to all calls directly follow their message, so within a turn the order is: the
 * assistant's text and calls, one tool message per call in the order of the calls, the images that tools returned, then
 * whatever else the user or the client said. Answers to nothing are dropped, and calls without an answer get one:
 * interrupts and compaction leave both behind, and the server refuses either.
 */

import { type ChatMessage, type ChatPart, type ChatToolCall, userMessage } from '#domain/dialect/openai/chat-message.ts'
import { blocksOf, isBlank, isObject, type Json, stringOr } from '#domain/dialect/openai/client-block.ts'
import { attachmentName, contentParts, toolResult } from '#domain/dialect/openai/content.ts'
import type { Lowering } from '#domain/dialect/openai/lowering.ts'
import { fitMessages } from '#domain/dialect/openai/message-rules.ts'
import { toolCallId } from '#domain/dialect/openai/tool-ids.ts'
import { isOurs } from '#domain/dialect/provenance.ts'

/** @param instructions the leading system text; may be blank. */
export const lowerMessages = (
  instructions: string,
  messages: readonly unknown[],
  lowering: Lowering,
): readonly ChatMessage[] => {
  const out: ChatMessage[] = isBlank(instructions) ? [] : [system(instructions, lowering)]
  const turns = turnsOf(messages.filter(isObject))
  turns.forEach((turn, index) => {
    const isLast = index === turns.length - 1
    out.push(...lowerTurn(turn, isLast, lowering))
  })
  return fitMessages(out, lowering.quirks)
}

interface Turn {
  /** Content of the assistant's messages; undefined in what comes before the first. */
  readonly assistant: Json[] | undefined
  /** User and system messages up to the next assistant message. */
  readonly replies: Json[]
}

/** The Messages API reads neighbouring assistant messages as one. */
const turnsOf = (messages: readonly Json[]): readonly Turn[] => {
  const turns: Turn[] = []
  for (const message of messages) {
    const last = turns.at(-1)
    if (message.role === 'assistant') {
      if (last?.assistant !== undefined && last.replies.length === 0) last.assistant.push(...blocksOf(message.content))
      else turns.push({ assistant: [...blocksOf(message.content)], replies: [] })
    } else if (last === undefined) turns.push({ assistant: undefined, replies: [message] })
    else last.replies.push(message)
  }
  return turns
}

const lowerTurn = (turn: Turn, isLast: boolean, lowering: Lowering): readonly ChatMessage[] => {
  const results = resultsOf(turn)
  const calls = (turn.assistant ?? []).filter((block) => block.type === 'tool_use')
  const called = new Set<string>()
  const toolCalls: ChatToolCall[] = []
  const answers: ChatMessage[] = []
  const attached: ChatPart[] = []
  let attachments = 0
  for (const call of calls) {
    const clientId = toolCallId(call)
    const id = called.has(clientId) ? lowering.ids.another(clientId) : lowering.ids.out(clientId)
    called.add(clientId)
    const name = lowering.tools.out(stringOr(call.name, ''))
    const input = isObject(call.input) ? call.input : {}
    toolCalls.push({
      id,
      type: 'function',
      function: { name, arguments: JSON.stringify(input) },
      ...(toolCalls.length === 0 && lowering.quirks.geminiThoughtSignature === true ? UNSIGNED : {}),
    })
    const result = results.get(clientId)?.shift()
    const answer = result === undefined ? NO_RESULT : toolResult(result, attachments, lowering)
    answers.push({ role: 'tool', tool_call_id: id, content: answer.text })
    for (const part of answer.attachments) {
      attachments++
      const caption = `${attachmentName(part) === 'image' ? 'Image' : 'Document'} #${attachments}, returned by the tool ${name}:`
      attached.push({ type: 'text', text: caption }, part)
    }
  }
  for (const orphans of results.values()) if (orphans.length > 0) lowering.dropped.add('messages.tool_result')
  return [
    ...summaries(turn),
    ...assistantMessage(turn, toolCalls, isLast && turn.replies.length === 0, lowering),
    ...answers,
    ...(attached.length === 0 ? [] : [userMessage(attached)]),
    ...turn.replies.flatMap((reply) => lowerReply(reply, lowering)),
  ]
}

/**
 * Google asks for it on the first call of each step of the running turn, and looks at no older one. Those have it too: what a
 * turn is differs between the dialects, and a message whose bytes change later is a prompt cache that ends before it.
 */
const UNSIGNED = { extra_content: { google: { thought_signature: 'skip_thought_signature_validator' } } }

const NO_RESULT = { text: '[no result: tool call was interrupted]', attachments: [] }

/** Results by the id of their call, in order. */
const resultsOf = (turn: Turn): ReadonlyMap<string, Json[]> => {
  const results = new Map<string, Json[]>()
  for (const reply of turn.replies) {
    for (const block of blocksOf(reply.content)) {
      if (block.type !== 'tool_result') continue
      const id = stringOr(block.tool_use_id, '')
      const known = results.get(id)
      if (known === undefined) results.set(id, [block])
      else known.push(block)
    }
  }
  return results
}

/** What the API kept of a conversation that it compacted: said before the message that carries it. */
const summaries = (turn: Turn): readonly ChatMessage[] =>
  (turn.assistant ?? []).flatMap((block) =>
    block.type === 'compaction' && typeof block.content === 'string' && !isBlank(block.content)
      ? [{ role: 'user' as const, content: `Summary of earlier conversation:\n${block.content}` }]
      : [],
  )

/** The order between text and calls is lost: splitting the message would leave calls unanswered. */
const assistantMessage = (
  turn: Turn,
  toolCalls: readonly ChatToolCall[],
  isPrefill: boolean,
  lowering: Lowering,
): readonly ChatMessage[] => {
  const texts: string[] = []
  const thoughts: string[] = []
  for (const block of turn.assistant ?? []) {
    if (block.type === 'text') texts.push(stringOr(block.text, ''))
    else if (block.type === 'thinking' && lowering.quirks.echoReasoning === true && isOurs(block.signature)) {
      thoughts.push(stringOr(block.thinking, ''))
    } else if (block.type !== 'tool_use' && block.type !== 'compaction') {
      // Server tools go in pairs: their calls and results are all of types that end here. Thinking never becomes text.
      lowering.dropped.add(`messages.${stringOr(block.type, 'unknown')}`)
    }
  }
  const joined = texts.filter((text) => !isBlank(text)).join('\n\n')
  // Trailing white space of a beginning that the model is to continue is refused or derails it.
  const content = isPrefill && toolCalls.length === 0 ? joined.trimEnd() : joined
  if (content === '' && toolCalls.length === 0) return []
  const empty = lowering.quirks.emptyInsteadOfNull === true ? '' : null
  return [
    {
      role: 'assistant',
      content: content === '' ? empty : content,
      ...reasoning(thoughts, toolCalls, lowering),
      ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
    },
  ]
}

/**
 * Our own thinking goes back with every message that has some, not only in the current tool loop: prompt caches compare
 * prefixes. Kimi refuses calls without it ("reasoning_content is missing in assistant tool call message"), which is what
 * a history from Claude looks like: those get a blank one.
 */
const reasoning = (thoughts: readonly string[], toolCalls: readonly ChatToolCall[], lowering: Lowering) => {
  if (thoughts.length > 0) return { reasoning_content: thoughts.join('\n') }
  return lowering.quirks.echoReasoning === true && toolCalls.length > 0 ? { reasoning_content: ' ' } : {}
}

const lowerReply = (reply: Json, lowering: Lowering): readonly ChatMessage[] => {
  const blocks = blocksOf(reply.content).filter((block) => block.type !== 'tool_result')
  const parts = contentParts(blocks, lowering)
  if (parts.length === 0) return []
  if (reply.role !== 'system') return [userMessage(parts)]
  const text = parts.map((part) => (part.type === 'text' ? part.text : '[image omitted]')).join('\n\n')
  return [system(text, lowering)]
}

const system = (content: string, lowering: Lowering): ChatMessage => ({ role: lowering.quirks.systemRole, content })

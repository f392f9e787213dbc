/** What chat templates of some servers demand of the order of roles. */
import { type ChatMessage, type ChatPart, userMessage } from '#domain/dialect/openai/chat-message.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export const fitMessages = (messages: readonly ChatMessage[], quirks: OpenAiQuirks): readonly ChatMessage[] => {
  const placed = quirks.systemFirstOnly === true ? systemFirst(messages) : messages
  return quirks.strictAlternation === true ? alternate(placed) : placed
}

/** Leading system messages become one, later ones user text. */
const systemFirst = (messages: readonly ChatMessage[]): readonly ChatMessage[] => {
  const out: ChatMessage[] = []
  for (const message of messages) {
    const last = out.at(-1)
    if (!isSystem(message)) out.push(message)
    else if (last === undefined) out.push(message)
    else if (isSystem(last)) out[out.length - 1] = joined(last, message)
    else out.push({ role: 'user', content: reminder(message.content) })
  }
  return out
}

/** Claude Code writes the tag itself around some of its texts. */
const reminder = (text: string): string =>
  text.trimStart().startsWith('<system-reminder>') ? text : `<system-reminder>\n${text}\n</system-reminder>`

/**
 * Neighbours of one role become one message. Between a tool's answer and a user's words the templates want the assistant
 * to have spoken, and before its first words the user.
 */
const alternate = (messages: readonly ChatMessage[]): readonly ChatMessage[] => {
  const out: ChatMessage[] = []
  for (const message of messages) {
    const last = out.at(-1)
    const merged = last === undefined ? undefined : merge(last, message)
    if (merged !== undefined) {
      out[out.length - 1] = merged
      continue
    }
    if (message.role === 'user' && last?.role === 'tool') out.push({ role: 'assistant', content: 'Done.' })
    if (message.role === 'assistant' && (last === undefined || isSystem(last))) {
      out.push({ role: 'user', content: 'Continue.' })
    }
    out.push(message)
  }
  return out
}

/** Undefined when the two stay apart. The first of two assistant messages has no calls: their answers would lie between. */
const merge = (first: ChatMessage, second: ChatMessage): ChatMessage | undefined => {
  if (isSystem(first) && isSystem(second)) return joined(first, second)
  if (first.role === 'user' && second.role === 'user') {
    return userMessage([...partsOf(first.content), ...partsOf(second.content)])
  }
  if (first.role === 'assistant' && second.role === 'assistant') {
    const texts = [first.content, second.content].filter((text) => text !== null && text !== '')
    const thoughts = [first.reasoning_content, second.reasoning_content].filter((text) => text !== undefined)
    return {
      ...second,
      content: texts.length === 0 ? second.content : texts.join('\n\n'),
      ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n') }),
    }
  }
  return undefined
}

type SystemMessage = Extract<ChatMessage, { readonly role: 'system' | 'developer' }>
const isSystem = (message: ChatMessage): message is SystemMessage =>
  message.role === 'system' || message.role === 'developer'

const joined = (first: SystemMessage, second: SystemMessage): SystemMessage => ({
  ...first,
  content: `${first.content}\n\n${second.content}`,
})

const partsOf = (content: string | readonly ChatPart[]): readonly ChatPart[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content

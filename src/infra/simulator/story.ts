/**
 * A story: what the model says, turn by turn, to a client that really runs the tools. The turn is read off the request
 * (how many assistant messages it holds), never off a counter, so a retry gets the same turn and a session may move
 * between simulated providers that share the story. A story is plain data.
 */
import { type Block, isToolUse } from '#infra/simulator/content.ts'
import type { MessagesBody } from '#infra/simulator/request-body.ts'
import type { Matchable } from '#infra/simulator/script.ts'

/** In text blocks `{provider}` becomes the name of the provider that answers. */
export type Turn = readonly Block[]

export interface Story {
  /** Answers of the main loop; afterwards the provider's plain answer. */
  readonly main: readonly Turn[]
  /** Answers of each sub-agent: its task is the `prompt` of an Agent call in `main`. */
  readonly subAgent?: readonly Turn[]
}

/** Which part of a client's work a request belongs to. */
export type Part = 'main' | 'subAgent' | 'webSearch' | 'oneOff'

/** `oneOff`: a call without tools of its own, e.g. the session title or a summary. */
export const partOf = (story: Story, request: Pick<Matchable, 'headers'>, body: MessagesBody): Part => {
  if (request.headers.some(([name]) => name.toLowerCase() === 'x-claude-code-agent-id')) return 'subAgent'
  // Vendors other than Anthropic do not get that header.
  const task = firstUserText(body)
  if (taskPrompts(story).some((prompt) => task.includes(prompt))) return 'subAgent'
  const tools = body.tools ?? []
  if (tools.length === 0) return 'oneOff'
  return tools.every((tool) => 'type' in tool && String(tool.type).startsWith('web_search_')) ? 'webSearch' : 'main'
}

/** The blocks that the story has for a request; undefined when it has none. */
export const turnFor = (
  story: Story,
  request: Pick<Matchable, 'headers'>,
  body: MessagesBody,
  provider: string,
): Turn | undefined => {
  const part = partOf(story, request, body)
  if (part === 'oneOff') return undefined
  if (part === 'webSearch') return webSearch
  const turns = part === 'main' ? story.main : (story.subAgent ?? [])
  const done = body.messages.filter(
    (message, index) => message.role === 'assistant' && !isFiller(message) && !isCutOff(body.messages[index + 1]),
  ).length
  return turns[done]?.map((block) =>
    block.type === 'text' && 'text' in block
      ? { ...block, text: String(block.text).replaceAll('{provider}', provider) }
      : block,
  )
}

/**
 * The client goes on behind an answer that broke off before its first tool call by asking for the rest (seen of Claude Code 2.1.330):
 * the turn was not made, and is made now.
 */
const isCutOff = (next: MessagesBody['messages'][number] | undefined): boolean => {
  if (next?.role !== 'user') return false
  const texts =
    typeof next.content === 'string' ? [next.content] : next.content.map((block) => ('text' in block ? block.text : ''))
  return texts.some((one) => typeof one === 'string' && one.startsWith(RESUME))
}
const RESUME = 'Your response above was cut off mid-stream.'

/** What a translator lets the assistant say between a tool's answer and the user's words, where templates want it. */
const isFiller = ({ content }: MessagesBody['messages'][number]): boolean => {
  if (typeof content === 'string') return content === FILLER
  const [only, ...others] = content
  return only !== undefined && others.length === 0 && 'text' in only && only.text === FILLER
}
const FILLER = 'Done.'

/** What the story's main loop asks sub-agents to do. */
const taskPrompts = (story: Story): readonly string[] =>
  story.main.flat().flatMap((block) => {
    if (!isToolUse(block) || block.name !== 'Agent' || !('prompt' in block.input)) return []
    const { prompt } = block.input
    return typeof prompt === 'string' && prompt !== '' ? [prompt] : []
  })

const firstUserText = (body: MessagesBody): string => {
  const content = body.messages.find((message) => message.role === 'user')?.content ?? ''
  if (typeof content === 'string') return content
  return content.map((block) => ('text' in block && typeof block.text === 'string' ? block.text : '')).join('\n')
}

/** What the API's own web search streams: the call, its result, and words about it. */
const webSearch: Turn = [
  { type: 'text', text: 'I will search.' },
  { type: 'server_tool_use', id: 'srvtoolu_simulated', name: 'web_search', input: { query: 'simulated query' } },
  {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_simulated',
    content: [
      {
        type: 'web_search_result',
        title: 'Simulated result',
        url: 'https://example.com/',
        encrypted_content: 'c2ltdWxhdGVk',
        page_age: null,
      },
    ],
  },
  { type: 'text', text: 'A simulated search found one simulated page.' },
]

/**
 * What routing needs to know of a Messages request, and the checks that are certain to fail at every provider. Everything
 * else is an open list: unknown fields, roles and blocks pass.
 */
import { isClean } from '#domain/dialect/provenance.ts'
import { hasMoreValues } from '#domain/dialect/told-json.ts'
import { inOneGo, type Steps } from '#domain/steps.ts'

export interface MessagesRequest {
  /** As the client spelled it. */
  readonly model: string
  readonly stream: boolean
  readonly maxTokens: number | undefined
  readonly messages: number
  readonly tools: number
  readonly images: number
  /** Of base-64 images. */
  readonly imageBytes: number
  /** What a provider must be able to do to serve it at all; see `needsOf`. */
  readonly needs: readonly string[]
  /** The history holds nothing that must be taken off for a provider; see provenance.ts. */
  readonly isClean: boolean
}

export type RequestReading =
  | { readonly _tag: 'Valid'; readonly request: MessagesRequest }
  /** `message` is in the Anthropic API's own form, `field: what is wrong`. */
  | { readonly _tag: 'Invalid'; readonly message: string }

/** No model writes as much; whoever allows more could be charged sums that are no whole numbers any more. */
const MOST_TOKENS = 1e8

/** Twice those of the hundred thousand messages that the API takes. Parsing ten times as many would hold everybody up for seconds. */
const MOST_VALUES = 1_000_000

/** A body that is not UTF-8 is refused with a clear message, not mangled. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

type Json = { readonly [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (message: string): RequestReading => ({ _tag: 'Invalid', message })

/** Reads the body of POST /v1/messages (`needsMaxTokens`) or of count_tokens. */
export const readRequest = (body: Uint8Array, needsMaxTokens: boolean): RequestReading =>
  inOneGo(readRequestInSteps(body, needsMaxTokens))

/** The same for bodies of megabytes. */
export const readRequestInSteps = function* (body: Uint8Array, needsMaxTokens: boolean): Steps<RequestReading> {
  let parsed: unknown
  try {
    const text = strictUtf8.decode(body)
    yield
    if (hasMoreValues(text, MOST_VALUES)) return invalid('The request body has too many values')
    parsed = JSON.parse(text)
  } catch {
    return invalid('The request body is not valid JSON')
  }
  yield
  if (!isObject(parsed)) return invalid('The request body must be a JSON object')
  const { model, messages, stream, max_tokens: maxTokens } = parsed
  const tools: readonly unknown[] = Array.isArray(parsed.tools) ? parsed.tools : []
  if (model === undefined) return invalid('model: Field required')
  if (typeof model !== 'string' || model.length === 0) return invalid('model: Input should be a valid string')
  if (messages === undefined) return invalid('messages: Field required')
  if (!Array.isArray(messages)) return invalid('messages: Input should be a valid list')
  if (needsMaxTokens && maxTokens === undefined) return invalid('max_tokens: Field required')
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 0)) {
    return invalid('max_tokens: Input should be a valid integer')
  }
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    return invalid('stream: Input should be a valid boolean')
  }
  const media = mediaOf(messages)
  return {
    _tag: 'Valid',
    request: {
      model,
      stream: stream === true,
      maxTokens: maxTokens === undefined ? undefined : Math.min(maxTokens as number, MOST_TOKENS),
      messages: messages.length,
      tools: tools.length,
      images: media.images,
      imageBytes: media.imageBytes,
      needs: needsOf(tools, parsed.tool_choice, media.sources),
      isClean: isClean(messages),
    },
  }
}

/** Tools that the client runs although Anthropic defines them: not the server's. */
const CLIENT_TOOLS = /^(custom|bash_|text_editor_|memory_|computer_|browser_)/

/**
 * - `tool:TYPE` for every tool that the provider itself runs, e.g. `tool:web_search_20250305`;
 * - `only:server-tools` when there are no others and one may be called: without them the request is about nothing;
 * - `source:url`, `source:file`: images or documents that the provider must fetch.
 */
const needsOf = (tools: readonly unknown[], choice: unknown, sources: ReadonlySet<string>): readonly string[] => {
  const types = tools.flatMap((tool) =>
    isObject(tool) && typeof tool.type === 'string' && !CLIENT_TOOLS.test(tool.type) ? [tool.type.slice(0, 64)] : [],
  )
  const mayCall = !(isObject(choice) && choice.type === 'none')
  const only = types.length > 0 && types.length === tools.length && mayCall
  return [
    ...new Set([
      ...types.slice(0, MOST_NEEDS).map((type) => `tool:${type}`),
      ...(only ? ['only:server-tools'] : []),
      ...[...sources].toSorted(),
    ]),
  ]
}

/** Of any honest request far fewer; a dishonest one shall not fill the log. */
const MOST_NEEDS = 20

interface Media {
  images: number
  imageBytes: number
  readonly sources: Set<string>
}

/** Images and documents in messages and inside tool results. */
const mediaOf = (messages: readonly unknown[]): Media => {
  const media: Media = { images: 0, imageBytes: 0, sources: new Set() }
  // Not recursive: the depth of a body is the client's to choose.
  const open: unknown[] = messages.map((message) => (isObject(message) ? message.content : undefined))
  while (open.length > 0) {
    const content = open.pop()
    if (!Array.isArray(content)) continue
    for (const block of content) {
      if (!isObject(block)) continue
      if (block.type === 'tool_result') open.push(block.content)
      else if (block.type === 'image' || block.type === 'document') readMedium(block, media)
    }
  }
  return media
}

const readMedium = (block: Json, media: Media): void => {
  const source = isObject(block.source) ? block.source : {}
  if (source.type === 'url' || source.type === 'file') media.sources.add(`source:${source.type}`)
  if (block.type !== 'image') return
  media.images++
  if (source.type === 'base64' && typeof source.data === 'string') media.imageBytes += source.data.length
}

/**
 * Blocks of the client's user messages and tool results → parts of the server's. What the server cannot take leaves a
 * visible mark in its place, so that the model does not wonder what the user talks about.
 */

import type { ChatPart } from '#domain/dialect/openai/chat-message.ts'
import { blocksOf, isBlank, isObject, type Json, stringOr } from '#domain/dialect/openai/client-block.ts'
import type { Lowering } from '#domain/dialect/openai/lowering.ts'

/** Parts in the order of the blocks; blank text and blocks that only Anthropic's servers understand are left out. */
export const contentParts = (blocks: readonly Json[], lowering: Lowering): readonly ChatPart[] =>
  blocks.flatMap((block) => blockParts(block, lowering))

export interface LoweredToolResult {
  /** Never blank: several servers refuse an empty tool message. */
  readonly text: string
  /** Images and files: tool messages carry text only, so these follow in a user message. */
  readonly attachments: readonly ChatPart[]
}

/** @param before attachments that the turn has already: they are numbered through. */
export const toolResult = (result: Json, before: number, lowering: Lowering): LoweredToolResult => {
  const attachments: ChatPart[] = []
  const texts = contentParts(blocksOf(result.content), lowering).map((part) => {
    if (part.type === 'text') return part.text
    attachments.push(part)
    return `[${attachmentName(part)} #${before + attachments.length} attached below]`
  })
  const text = texts.length === 0 ? '(no output)' : texts.join('\n')
  // There is no field for it: without the word, models believe that the call succeeded.
  return { text: result.is_error === true ? `Error: ${text}` : text, attachments }
}

export const attachmentName = (part: ChatPart): string => (part.type === 'file' ? 'document' : 'image')

const blockParts = (block: Json, lowering: Lowering): readonly ChatPart[] => {
  switch (block.type) {
    case 'text':
      return textParts(stringOr(block.text, ''))
    case 'image':
      return [imagePart(block.source, lowering)]
    case 'document':
      return documentParts(block, lowering)
    case 'search_result':
      return textParts(
        lines([
          stringOr(block.title, ''),
          stringOr(block.source, ''),
          ...contentParts(blocksOf(block.content), lowering).map((part) => (part.type === 'text' ? part.text : '')),
        ]),
      )
    case 'tool_reference':
      // The tool itself is sent with all the others, so its name is enough.
      return textParts(`Tool available: ${lowering.tools.out(stringOr(block.tool_name, ''))}`)
    default:
      lowering.dropped.add(`messages.${stringOr(block.type, 'unknown')}`)
      return []
  }
}

const textParts = (text: string): readonly ChatPart[] => (isBlank(text) ? [] : [{ type: 'text', text }])
const lines = (texts: readonly string[]): string => texts.filter((text) => !isBlank(text)).join('\n')

const imagePart = (source: unknown, lowering: Lowering): ChatPart => {
  const url = takesParts(lowering) && lowering.quirks.noImages !== true ? imageUrl(source) : undefined
  if (url !== undefined) return { type: 'image_url', image_url: { url } }
  lowering.dropped.add('messages.image')
  return { type: 'text', text: '[image omitted]' }
}

/** Undefined for a file id: the file lies at Anthropic. */
const imageUrl = (source: unknown): string | undefined => {
  if (!isObject(source)) return undefined
  if (source.type === 'url' && typeof source.url === 'string') return source.url
  if (source.type !== 'base64' || typeof source.data !== 'string') return undefined
  return `data:${stringOr(source.media_type, 'image/png')};base64,${source.data}`
}

const documentParts = (block: Json, lowering: Lowering): readonly ChatPart[] => {
  const source = isObject(block.source) ? block.source : {}
  const title = stringOr(block.title, '')
  const header = lines([title === '' ? '' : `Document: ${title}`, stringOr(block.context, '')])
  if (source.type === 'text') return textParts(lines([header, stringOr(source.data, '')]))
  if (source.type === 'content') {
    return [...textParts(header), ...contentParts(blocksOf(source.content), lowering)]
  }
  if (source.type === 'base64' && typeof source.data === 'string' && takesFiles(lowering)) {
    const mediaType = stringOr(source.media_type, 'application/pdf')
    const file_data = `data:${mediaType};base64,${source.data}`
    return [
      ...textParts(header),
      { type: 'file', file: { filename: title === '' ? 'document.pdf' : title, file_data } },
    ]
  }
  lowering.dropped.add('messages.document')
  const what = lines([header, stringOr(source.url, '')])
  return [{ type: 'text', text: what === '' ? '[document omitted]' : `[document omitted: ${what}]` }]
}

/** Content that must be a string has no room for images and files. */
const takesParts = (lowering: Lowering): boolean => lowering.quirks.stringContent !== true
const takesFiles = (lowering: Lowering): boolean => takesParts(lowering) && lowering.quirks.fileParts === true

/**
 * Takes `<think>…</think>` at the beginning of the content for reasoning, wherever the chunks break. A tag further down is
 * text: the model may be writing about tags.
 */
export interface ThinkTags {
  place: 'before' | 'inside' | 'behind' | 'text'
  /** Text that may turn out to be a part of a tag. */
  held: string
}

export interface TaggedText {
  readonly kind: 'text' | 'thinking'
  readonly text: string
}

const OPEN = '<think>'
const CLOSE = '</think>'

/** `enabled`: the quirk flag; without it all is text. */
export const thinkTags = (enabled: boolean): ThinkTags => ({ place: enabled ? 'before' : 'text', held: '' })

/** Feeds one piece of content. */
export const splitThinking = (tags: ThinkTags, piece: string): readonly TaggedText[] => {
  if (tags.place === 'text') return piece === '' ? [] : [{ kind: 'text', text: piece }]
  const found: TaggedText[] = []
  let text = tags.held + piece
  tags.held = ''
  if (tags.place === 'before') {
    const start = text.trimStart()
    if (start.length < OPEN.length && OPEN.startsWith(start)) {
      tags.held = text
      return found
    }
    if (!start.startsWith(OPEN)) return asText(tags, text)
    tags.place = 'inside'
    text = start.slice(OPEN.length)
  }
  if (tags.place === 'inside') {
    const end = text.indexOf(CLOSE)
    const upTo = end === -1 ? text.length - halfTag(text) : end
    if (upTo > 0) found.push({ kind: 'thinking', text: text.slice(0, upTo) })
    if (end === -1) {
      tags.held = text.slice(upTo)
      return found
    }
    tags.place = 'behind'
    text = text.slice(end + CLOSE.length)
  }
  // The blank lines between the reasoning and the answer belong to neither.
  const answer = text.trimStart()
  return answer === '' ? found : [...found, ...asText(tags, answer)]
}

/** At the end of the content: half a tag is no tag. */
export const endThinking = (tags: ThinkTags): readonly TaggedText[] => {
  const text = tags.held
  tags.held = ''
  return text === '' ? [] : [{ kind: tags.place === 'inside' ? 'thinking' : 'text', text }]
}

const asText = (tags: ThinkTags, text: string): readonly TaggedText[] => {
  tags.place = 'text'
  return text === '' ? [] : [{ kind: 'text', text }]
}

/** Length of the longest end of the text that begins the closing tag. */
const halfTag = (text: string): number => {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}

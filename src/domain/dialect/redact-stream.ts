/**
 * Credentials in a streamed answer: a model writes one in several pieces, so the texts of a content block are looked at as one.
 */
import { REDACTED, type RedactedText, redact, type Span, spansOf } from '#domain/redaction.ts'

/** One event's part of a text. */
interface Part {
  /** Of the event's JSON in the stream. */
  readonly start: number
  readonly end: number
  readonly event: { readonly delta: Readonly<Record<string, unknown>> }
  readonly field: string
  readonly value: string
}

const DATA_LINE = /^data: ?(\{.*\})\r?$/gm
const FIELDS = ['text', 'partial_json', 'thinking'] as const

/** As `redact`, for an answer as it was sent; one that is no stream is a text as any other. */
export const redactAnswer = (answer: string, forms: readonly RegExp[]): RedactedText => {
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = []
  let found = 0
  for (const parts of textsOf(answer)) {
    const spans = spansOf(parts.map(({ value }) => value).join(''), forms)
    found += spans.length
    let at = 0
    for (const { start, end, event, field, value } of parts) {
      const next = without(value, at, spans)
      at += value.length
      if (next !== value) {
        edits.push({ start, end, text: JSON.stringify({ ...event, delta: { ...event.delta, [field]: next } }) })
      }
    }
  }
  const joined = edits.toSorted((a, b) => b.start - a.start).reduce(replaced, answer)
  const rest = redact(joined, forms)
  return { text: rest.text, found: found + rest.found }
}

const replaced = (text: string, edit: { readonly start: number; readonly end: number; readonly text: string }) =>
  text.slice(0, edit.start) + edit.text + text.slice(edit.end)

/** The parts of every text of the stream. */
const textsOf = (answer: string): Iterable<readonly Part[]> => {
  const texts = new Map<string, Part[]>()
  if (!answer.includes('content_block_delta')) return texts.values()
  for (const match of answer.matchAll(DATA_LINE)) {
    const [line, json = ''] = match
    const event = deltaOf(json)
    const field = FIELDS.find((name) => typeof event?.delta[name] === 'string')
    if (event === undefined || field === undefined) continue
    const start = match.index + line.indexOf('{')
    const part = { start, end: start + json.length, event, field, value: event.delta[field] as string }
    const key = `${event.index} ${field}`
    const parts = texts.get(key)
    if (parts === undefined) texts.set(key, [part])
    else parts.push(part)
  }
  return texts.values()
}

const deltaOf = (json: string): (Part['event'] & { readonly index: unknown }) | undefined => {
  try {
    const event: unknown = JSON.parse(json)
    const isDelta =
      typeof event === 'object' &&
      event !== null &&
      'index' in event &&
      'delta' in event &&
      typeof event.delta === 'object' &&
      event.delta !== null
    return isDelta ? (event as Part['event'] & { readonly index: unknown }) : undefined
  } catch {
    // Cut off in the middle, or never JSON: it is looked at as it is.
    return undefined
  }
}

/** What of a part that begins at `at` in its text stays; the part in which a credential begins says so. */
const without = (value: string, at: number, spans: readonly Span[]): string => {
  let kept = ''
  let from = at
  for (const [start, end] of spans) {
    if (end <= at || start >= at + value.length) continue
    kept += value.slice(from - at, Math.max(0, start - at)) + (start >= at ? REDACTED : '')
    from = Math.min(end, at + value.length)
  }
  return kept + value.slice(from - at)
}

/**
 * Secrets that exist to be looked for: every one has a mark of this run in it, so that one search finds them all, in every form in
 * which a secret goes astray, and the number behind the mark says which one it is.
 */
import { randomBytes } from 'node:crypto'

/**
 * `secret`: nobody but the one it is for may see it. `content`: prompts and answers, which are for the client and for captures.
 * `pasted`: a credential within these, for the client alone.
 */
const KINDS = ['secret', 'content', 'pasted'] as const
export type CanaryKind = (typeof KINDS)[number]

export interface Finding {
  readonly kind: CanaryKind
  /** What the canary was, as far as the form tells. */
  readonly canary: string
  /** `text`, `base64` … */
  readonly form: string
  /** What stands around it. */
  readonly around: string
}

export interface Canaries {
  /** A text of letters, digits and hyphens that looks like no credential. @param name what it stands for, in reports */
  readonly secret: (name: string) => string
  readonly content: (name: string) => string
  /** In the form of a credential. */
  readonly pasted: (name: string) => string
  /** A secret that was made elsewhere. */
  readonly add: (name: string, value: string) => void
  readonly find: (bytes: Uint8Array) => readonly Finding[]
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** 71 bits: no text has it by chance. */
const MARK_LENGTH = 12
const DIGITS = 3
const AROUND = 60

const newMark = (): string => [...randomBytes(MARK_LENGTH)].map((byte) => LETTERS[byte % LETTERS.length] ?? '').join('')

export const makeCanaries = (): Canaries => {
  const names: string[] = []
  const marks = { secret: newMark(), content: newMark(), pasted: newMark() } as const
  const sought: Needle[] = KINDS.flatMap((kind) => needles(kind, marks[kind], undefined))
  const make = (kind: CanaryKind) => (name: string) => {
    names.push(name)
    return `${marks[kind]}${String(names.length - 1).padStart(DIGITS, '0')}-${randomBytes(6).toString('hex')}`
  }
  return {
    secret: make('secret'),
    content: make('content'),
    pasted: (name) => `sk-ant-api03-${make('pasted')(name)}`,
    add: (name, value) => {
      sought.push(...needles('secret', value, name))
    },
    find: (bytes) => {
      const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      return sought.flatMap(({ kind, form, bytes: needle, name }) =>
        placesOf(all, needle).map((at) => ({
          kind,
          form,
          canary: name ?? nameAt(all, at + needle.length, names) ?? 'one of them',
          around: all.subarray(Math.max(0, at - AROUND), at + needle.length + AROUND).toString('latin1'),
        })),
      )
    },
  }
}

interface Needle {
  readonly kind: CanaryKind
  readonly form: string
  readonly bytes: Buffer
  /** Undefined: what follows it tells. */
  readonly name: string | undefined
}

/** A text in the forms in which it can stand in something larger. */
const needles = (kind: CanaryKind, text: string, name: string | undefined): readonly Needle[] => {
  const bytes = Buffer.from(text)
  const hex = bytes.toString('hex')
  const each = (prefix: string, digits: string) => digits.replaceAll(/../g, (pair) => `${prefix}${pair}`)
  const forms: readonly (readonly [form: string, text: string])[] = [
    ['text', text],
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ['percent', each('%', hex)],
    ['percent', each('%', hex.toUpperCase())],
    ['JSON escapes', each('\\u00', hex)],
    ...[0, 1, 2].flatMap((shift): readonly (readonly [string, string])[] => {
      const encoded = insideBase64(bytes, shift)
      return [
        ['base64', encoded],
        ['base64url', encoded.replaceAll('+', '-').replaceAll('/', '_')],
      ]
    }),
  ]
  const unique = new Map(forms.map(([form, needle]) => [needle, form]))
  return [
    ...[...unique].map(([needle, form]) => ({ kind, form, bytes: Buffer.from(needle), name })),
    { kind, form: 'UTF-16', bytes: Buffer.from(text, 'utf16le'), name },
  ]
}

/** The characters of a base64 text that depend on these bytes alone, when `shift` bytes (modulo 3) stand before them. */
const insideBase64 = (bytes: Uint8Array, shift: number): string => {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
}

/** Enough to see what is wrong. */
const MOST_PLACES = 3

const placesOf = (bytes: Buffer, needle: Buffer): readonly number[] => {
  const places: number[] = []
  for (let at = bytes.indexOf(needle); at !== -1 && places.length < MOST_PLACES; at = bytes.indexOf(needle, at + 1))
    places.push(at)
  return places
}

const nameAt = (bytes: Buffer, at: number, names: readonly string[]): string | undefined => {
  const digits = bytes.subarray(at, at + DIGITS).toString('latin1')
  return /^\d+$/.test(digits) ? names[Number(digits)] : undefined
}

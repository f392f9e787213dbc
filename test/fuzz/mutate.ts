/**
 * Damage: to bytes and to JSON values. Most of what comes out is nearly right, which is where parsers go wrong.
 */
import type { Dice } from './dice.ts'

/** No mutant is larger, so that a case takes microseconds. */
const MOST_BYTES = 64 * 1024

/** @param words what means something in this language, @param others whole texts from which a part may come */
export const mutate = (
  { below, pick, chance }: Dice,
  bytes: Buffer,
  words: readonly string[],
  others: readonly Buffer[] = [],
): Buffer => {
  let mutant = bytes
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(mutant.length + 1)
    const end = Math.min(mutant.length, at + 1 + below(chance(0.2) ? 400 : 12))
    const before = mutant.subarray(0, at)
    const put = (...middle: readonly Uint8Array[]): void => {
      mutant = Buffer.concat([before, ...middle])
    }
    switch (below(9)) {
      case 0: {
        const turned = Buffer.from(mutant)
        if (at < turned.length) turned[at] = (turned[at] ?? 0) ^ (1 << below(8))
        mutant = turned
        break
      }
      case 1:
        put(mutant.subarray(end))
        break
      case 2:
        put(
          ...Array.from({ length: 1 + below(chance(0.05) ? 60 : 3) }, () => mutant.subarray(at, end)),
          mutant.subarray(at),
        )
        break
      case 3:
      case 4:
        put(Buffer.from(pick(words)), mutant.subarray(chance(0.5) ? at : end))
        break
      case 5:
        put(Buffer.from(Array.from({ length: 1 + below(6) }, () => below(256))), mutant.subarray(at))
        break
      case 6:
        put()
        break
      case 7: {
        const other = others.length === 0 ? mutant : pick(others)
        const from = below(other.length + 1)
        put(other.subarray(from, from + below(300)), mutant.subarray(at))
        break
      }
      default:
        put(Buffer.from(pick(words).repeat(1 + below(chance(0.1) ? 300 : 4))), mutant.subarray(at))
    }
    if (mutant.length > MOST_BYTES) mutant = mutant.subarray(0, MOST_BYTES)
  }
  return mutant
}

/** The bytes in pieces of any size, empty ones among them. */
export const chunked = ({ below, chance }: Dice, bytes: Uint8Array): readonly Uint8Array[] => {
  const most = chance(0.3) ? 3 : 200
  const chunks: Uint8Array[] = []
  for (let from = 0; from < bytes.length; ) {
    const size = below(most + 1)
    chunks.push(bytes.subarray(from, from + size))
    from += size
  }
  return chunks
}

/** Values that are no good in most places. */
const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 0.5, 1e308, -1e308, 1e21, 2 ** 53, 2 ** 53 + 2, 1e-320, ''],
  ...[' ', '\n', '\u0000', '\ud800', '\u2028', '\ufeff', 'null', '__proto__', 'constructor', 'x'.repeat(300)],
  ...['\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n', '"', '\\', '\\u0000', '</script>', '$&', '[DONE]'],
  ...[[], {}, [[]], [null], [{}], { type: null }, { type: 'text' }, { type: 'text', text: 1 }, { error: null }],
  ...[{ toString: 1 }, { length: 5 }, JSON.parse('{"__proto__":{"polluted":true}}')],
]

/** The value with a few of its parts replaced, removed, moved or doubled. The value itself stays as it is. */
export const mutateJson = (draws: Dice, value: unknown): unknown => {
  let mutant = value
  for (let left = 1 + draws.below(4); left > 0; left--) mutant = change(draws, mutant, 0)
  return mutant
}

const change = (draws: Dice, value: unknown, depth: number): unknown => {
  const { below, pick, chance } = draws
  const isList = Array.isArray(value)
  const entries: readonly (readonly [string, unknown])[] =
    typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (entries.length === 0 || depth > 12 || chance(0.12)) return odd(draws, value)
  const index = below(entries.length)
  const [name, inner] = entries[index] as readonly [string, unknown]
  const changed = ((): readonly (readonly [string, unknown])[] => {
    switch (below(12)) {
      case 0:
        return entries.toSpliced(index, 1)
      case 1:
        return entries.toSpliced(index, 0, [chance(0.5) ? pick(NAMES) : `${name}_`, pick(entries)[1]])
      case 2:
        return entries.toSpliced(index, 1, [chance(0.5) ? pick(NAMES) : name.toUpperCase(), inner])
      case 3:
        return entries.toReversed()
      default:
        return entries.toSpliced(index, 1, [name, change(draws, inner, depth + 1)])
    }
  })()
  return isList ? changed.map(([, item]) => item) : objectOf(changed)
}

const NAMES = ['type', 'content', 'id', 'name', 'input', 'error', 'usage', 'text', '__proto__', 'toString', '0', '']

/** `__proto__` is a member as any other. */
const objectOf = (entries: readonly (readonly [string, unknown])[]): object => Object.fromEntries(entries)

const odd = ({ below, pick, chance }: Dice, value: unknown): unknown => {
  if (typeof value === 'string' && chance(0.5))
    return value.slice(0, below(value.length + 1)) + pick(['', '"', '\n', 'é', '😀'])
  if (typeof value === 'number' && chance(0.5)) return value * pick([-1, 0.3, 1e9])
  if (chance(0.05)) return nested(below(3_000))
  return pick(ODD)
}

const nested = (depth: number): unknown => {
  let value: unknown = 'deep'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { content: value }
  return value
}

/** JSON text of a value, spelled in any of the ways that JSON allows: white space, escapes, members that stand twice. */
export const spell = (draws: Dice, value: unknown): string => {
  const { below, chance, pick } = draws
  const plain = draws.chance(0.4)
  let doublesLeft = plain ? 0 : 2
  const space = (): string => (plain || chance(0.8) ? '' : pick([' ', '\n', '\t', '\r\n', '    ']))
  const quoted = (text: string): string => {
    const json = JSON.stringify(text)
    if (plain || json.includes('\\') || chance(0.7)) return json
    return json.replace(/[a-z_/]/g, (letter) =>
      chance(0.15) ? (letter === '/' ? '\\/' : `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`) : letter,
    )
  }
  // Not recursive: values may be thousands deep.
  const out: string[] = []
  const open: (string | { readonly value: unknown })[] = [{ value }]
  while (open.length > 0) {
    const top = open.pop()
    if (typeof top === 'string') out.push(top)
    else if (top !== undefined) open.push(...parts(top.value).toReversed())
  }
  return out.join('')

  function parts(of: unknown): readonly (string | { readonly value: unknown })[] {
    if (typeof of === 'string') return [quoted(of)]
    if (Array.isArray(of)) {
      return [
        '[',
        space(),
        ...of.flatMap((item, n) => [n === 0 ? '' : `${space()},${space()}`, { value: item }]),
        space(),
        ']',
      ]
    }
    if (typeof of !== 'object' || of === null) return [JSON.stringify(of) ?? 'null']
    const members = Object.entries(of)
    if (doublesLeft > 0 && members.length > 0 && chance(0.03)) {
      members.unshift(pick(members))
      doublesLeft--
    }
    return [
      '{',
      space(),
      ...members.flatMap(([name, item], n) => [
        `${n === 0 ? '' : ','}${space()}${quoted(name)}${space()}:${space()}`,
        { value: item },
      ]),
      space().repeat(1 + below(2)),
      '}',
    ]
  }
}

/**
 * docs/events.md says what the code says: every event, every field with its type, nature, version, stream and an example
 * that decodes. What is planted wrong in a copy of the document is found, so the check can fail.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CATALOGUE, Decision, type EventType, Fact } from '#domain/events.ts'
import { countsAgainst, FailureReason, retryableElsewhere } from '#domain/failure.ts'
import { Policy } from '#domain/policy.ts'
import { streamOf } from '#domain/recorded-event.ts'
import { upcast } from '#domain/upcast.ts'
import { Usage } from '#domain/usage.ts'
import { readRow, rowOf } from '#infra/event-log/codec.ts'

const document = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')

describe('docs/events.md', () => {
  it('describes every event with every field, and nothing else', () => {
    expect(complaints(document)).toEqual([])
  })

  const planted: readonly (readonly [what: string, from: string | RegExp, to: string, complaint: RegExp])[] = [
    ['a missing event', /^### CircuitClosed$[\s\S]*?(?=^## )/m, '', /CircuitClosed is not described/],
    ['an invented event', '### BoxStopped', '### BoxExploded', /BoxExploded is no event/],
    ['a missing field', /^\| `ttftMs`.*\n/m, '', /AttemptSucceeded: ttftMs is not described/],
    [
      'an invented field',
      /^\| `ttftMs`/m,
      '| `colour` | text | x |\n| `ttftMs`',
      /AttemptSucceeded: colour is no field/,
    ],
    ['a wrong type', '| `bodyBytes` | integer |', '| `bodyBytes` | text |', /RequestAdmitted: bodyBytes is integer/],
    ['an optional field told as required', '| `maxTokens?` |', '| `maxTokens` |', /maxTokens\? is not described/],
    ['a wrong nature', 'Decision · version 1 · stream `request:', 'Fact · version 1 · stream `request:', /RouteChosen/],
    ['a wrong version', 'Fact · version 1 · stream `box`', 'Fact · version 2 · stream `box`', /BoxStarted/],
    ['a terminal event told as another', 'Fact, terminal · ', 'Fact · ', /AttemptSucceeded/],
    ['a wrong stream', 'version 1 · stream `box`', 'version 1 · stream `provider:<provider>`', /BoxStarted/],
    ['an example that does not decode', '"bodyBytes": ', '"bodyBytes": "many", "x": ', /RequestAdmitted: its example/],
    [
      'a reason with a wrong blame',
      '| `RateLimited` | `until?`, `status?` | yes | limit |',
      '| `RateLimited` | `until?`, `status?` | yes | client |',
      /RateLimited/,
    ],
    ['a missing reason', /^\| `Retired`.*\n/m, '', /Retired is not described/],
    ['a missing key of the envelope', /^\| `writerSeq`.*\n/m, '', /Envelope: writerSeq is not described/],
  ]
  it.each(planted)('is found wrong with %s', (_, from, to, complaint) => {
    const edited = document.replace(from, to)
    expect(edited).not.toBe(document)
    expect(complaints(edited).join('\n')).toMatch(complaint)
  })
})

/** Everything in which the document and the code differ. */
function complaints(text: string): readonly string[] {
  const sections = new Map(
    text
      .split(/^###? /m)
      .slice(1)
      .map((section) => [section.split('\n', 1)[0]?.trim() ?? '', section]),
  )
  const events = [...(text.split(/^## The events$/m)[1] ?? '').split(/^## /m)[0]!.matchAll(/^### (.+)$/gm)].map(
    ([, name]) => name!,
  )
  const found: string[] = []
  const compare = (name: string, expected: ReadonlyMap<string, string>): void => {
    const rows = tableOf(sections.get(name) ?? '')
    for (const [field, type] of expected) {
      const told = rows.get(field)?.[0]
      if (told === undefined) found.push(`${name}: ${field} is not described`)
      else if (told !== type) found.push(`${name}: ${field} is ${type}, not ${told}`)
    }
    for (const [field, [, meaning]] of rows) {
      if (!expected.has(field)) found.push(`${name}: ${field} is no field`)
      if ((meaning ?? '').length < 3) found.push(`${name}: ${field} has no meaning`)
    }
  }

  const schemas = new Map(
    [...Fact.members, ...Decision.members].map((member) => [member.fields._tag.schema.literal, member.ast as Ast]),
  )
  for (const name of events) if (!schemas.has(name as EventType)) found.push(`${name} is no event`)
  for (const [type, ast] of schemas) {
    const section = sections.get(type)
    if (section === undefined) {
      found.push(`${type} is not described`)
      continue
    }
    compare(type, fieldsOf(ast))
    found.push(...headComplaints(type, section))
  }

  compare('Usage', fieldsOf(Usage.ast as Ast))
  compare('Policy', fieldsOf(Policy.ast as Ast))
  compare('Envelope', envelope())
  found.push(...reasonComplaints(sections.get('FailureReason') ?? ''))
  return found
}

const PLACES = [
  'box',
  'request:<requestId>',
  'provider:<provider>',
  'key:<keyId>',
  'budget:<budget>',
  'alerts',
  'instance:<instance>',
] as const

/** The line under the title, and the example. */
function headComplaints(type: EventType, section: string): readonly string[] {
  const { nature, schemaVersion, terminal } = CATALOGUE[type]
  const example = /^```json\n([\s\S]*?)^```$/m.exec(section)?.[1]
  if (example === undefined) return [`${type}: there is no example`]
  const read = upcast(type, schemaVersion, JSON.parse(example))
  if (read._tag !== 'Known') return [`${type}: its example is ${read._tag}`]
  const stream = streamOf(read.event)
  const place = PLACES.find((one) => one.split(':')[0] === stream.split(':')[0])
  const head = `${nature === 'fact' ? 'Fact' : 'Decision'}${terminal ? ', terminal' : ''} · version ${schemaVersion} · stream \`${place}\``
  return section.split('\n').includes(head) ? [] : [`${type}: its head should be "${head}"`]
}

function reasonComplaints(section: string): readonly string[] {
  const rows = tableOf(section)
  const found: string[] = []
  const tags = new Set<string>()
  for (const member of FailureReason.members) {
    const tag = member.fields._tag.schema.literal
    tags.add(tag)
    const fields = [...fieldsOf(member.ast as Ast).keys()].map((field) => `\`${field}\``).join(', ')
    // Only the tag decides here; the exceptions for the client's own credential and for 404 stand in the text.
    const sample = { _tag: tag, whose: 'gateway' } as unknown as FailureReason
    const expected = [fields, retryableElsewhere(sample) ? 'yes' : 'no', countsAgainst(sample)]
    const told = rows.get(tag)
    if (told === undefined) found.push(`FailureReason: ${tag} is not described`)
    else if (told.slice(0, 3).join(' | ') !== expected.join(' | '))
      found.push(`FailureReason: ${tag} is ${expected.join(' | ')}`)
  }
  for (const tag of rows.keys()) if (!tags.has(tag)) found.push(`FailureReason: ${tag} is no reason`)
  return found
}

/** Field → the other cells, of the first table of a section. */
function tableOf(section: string): ReadonlyMap<string, readonly string[]> {
  const rows = section.split('\n').filter((line) => /^\| `/.test(line))
  return new Map(
    rows.map((line) => {
      // A pipe inside a cell is written `\|`.
      const [, name = '', ...cells] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
      return [name.replaceAll('`', ''), cells.slice(0, -1)]
    }),
  )
}

/** The parts of Effect's schema tree that the catalogue is made of. */
interface Ast {
  readonly _tag: string
  readonly context?: { readonly isOptional: boolean }
  readonly checks?: readonly { readonly annotations?: { readonly representation?: { readonly id: string } } }[]
  readonly literal?: string
  readonly types?: readonly Ast[]
  readonly rest?: readonly Ast[]
  readonly propertySignatures?: readonly { readonly name: string; readonly type: Ast }[]
  readonly indexSignatures?: readonly { readonly type: Ast }[]
}

/** Field → type in the document's words; the fields of a nested object follow with their path. */
function fieldsOf(ast: Ast, path = ''): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const { name, type } of ast.propertySignatures ?? []) {
    if (name === '_tag') continue
    fields.set(`${path}${name}${type.context?.isOptional === true ? '?' : ''}`, typeOf(type))
    const inner = type._tag === 'Arrays' ? type.rest?.[0] : type
    if (inner === undefined || typeOf(inner) !== 'object') continue
    for (const entry of fieldsOf(inner, `${path}${name}${type._tag === 'Arrays' ? '[]' : ''}.`)) fields.set(...entry)
  }
  return fields
}

const namesOf = (ast: Ast): string => (ast.propertySignatures ?? []).map(({ name }) => name).join()

function typeOf(ast: Ast): string {
  switch (ast._tag) {
    case 'String':
      return 'text'
    case 'Boolean':
      return 'boolean'
    case 'Null':
      return 'null'
    case 'Number':
      return ast.checks?.some(({ annotations }) => annotations?.representation?.id === 'effect/schema/isInt')
        ? 'integer'
        : 'number'
    case 'Declaration':
      return 'JSON'
    case 'Literal':
      return `\`${ast.literal}\``
    case 'Arrays':
      return `list of ${typeOf(ast.rest![0]!)}`
    case 'Union':
      return ast.types!.every((type) => type.propertySignatures?.[0]?.name === '_tag')
        ? 'FailureReason'
        : ast.types!.map(typeOf).join(' or ')
    case 'Objects':
      if (ast.indexSignatures!.length > 0) return `map of text to ${typeOf(ast.indexSignatures![0]!.type)}`
      if (namesOf(ast) === namesOf(Usage.ast as Ast)) return 'Usage'
      if (namesOf(ast) === namesOf(Policy.ast as Ast)) return 'Policy'
      return 'object'
    default:
      throw new Error(`the test does not know how the document says ${ast._tag}`)
  }
}

/** The keys of an event as the log gives it back; a value of each kind tells the type. */
function envelope(): ReadonlyMap<string, string> {
  const event = { _tag: 'BoxStarted', instance: 'w', version: '1' } as const
  const sent = {
    event,
    stream: 'box',
    streamVersion: 1,
    occurredAt: 1,
    writer: 'w',
    writerSeq: 2,
    correlation: 'c',
    causation: 1,
  }
  const read = readRow({ ...rowOf(sent), position: 1, recordedAt: 2 })
  if (read._tag !== 'Known') throw new Error('the envelope was not read back')
  const optional = ['correlation', 'causation']
  return new Map(
    Object.entries(read.recorded).map(([key, value]) => [
      optional.includes(key) ? `${key}?` : key,
      typeof value === 'object'
        ? 'event'
        : typeof value === 'string'
          ? 'text'
          : key === 'occurredAt'
            ? 'number'
            : 'integer',
    ]),
  )
}

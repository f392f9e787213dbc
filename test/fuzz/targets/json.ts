/**
 * Edits in the raw text of JSON: for any spelling of any value they mean what the same edit of the parsed value means, and what
 * is no JSON at all ends them too.
 */
import { addMembers } from '#domain/dialect/add-members.ts'
import { readMessage } from '#domain/dialect/anthropic-message.ts'
import { readRequest } from '#domain/dialect/anthropic-request.ts'
import { piecesOf } from '#domain/dialect/body-pieces.ts'
import { fitAnthropic } from '#domain/dialect/fit-anthropic.ts'
import { fitGeneration } from '#domain/dialect/fit-generation.ts'
import { markMessage } from '#domain/dialect/foreign-thinking.ts'
import { itemsAt, latin1, membersAt, rootAt, stringsIn } from '#domain/dialect/json-cuts.ts'
import { readOpenRouterPrices } from '#domain/dialect/openrouter-prices.ts'
import { PAIRED_FEATURES } from '#domain/dialect/paired-features.ts'
import { cleanForClaude, cleanForVendor } from '#domain/dialect/provenance.ts'
import { setTopLevelString } from '#domain/dialect/raw-json.ts'
import { toVertexBody, toVertexCountBody } from '#domain/dialect/vertex-body.ts'
import { inOneGo } from '#domain/steps.ts'
import { JSON_WORDS, message, request } from '../corpus.ts'
import type { Dice } from '../dice.ts'
import { mutate, mutateJson, spell } from '../mutate.ts'
import { firstOf, pure, type Target } from '../target.ts'

type Json = { readonly [key: string]: unknown }

const FEATURES = PAIRED_FEATURES.flatMap(({ betas, fields }) => [
  ...betas.map((beta) => `beta:${beta}`),
  ...fields.map((field) => `field:${field}`),
])

const textOf = (value: unknown): string => JSON.stringify(value)
const parse = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

/** An object in any spelling: what may reach the edits of a request. */
const bodyOf = (draws: Dice): Buffer => {
  const value = draws.chance(0.1) ? request : mutateJson(draws, request)
  const object =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { model: 'm', messages: [] }
  return Buffer.from((draws.chance(0.03) ? '\ufeff' : '') + spell(draws, object))
}

const edits = pure('json-edits', 5, (draws) => {
  const bytes = bodyOf(draws)
  const before = parse(bytes) as Json
  const model = draws.pick(['m', 'a"b\\', 'é😀', '', '\n\n'])
  const set = setTopLevelString(bytes, 'model', model)
  const wanted = typeof before.model === 'undefined' ? before : { ...before, model }
  const vertex = parse(toVertexBody(bytes, draws.pick([undefined, '2023-06-01', 'x"y']))) as Json
  const counted = parse(toVertexCountBody(bytes, undefined, model)) as Json
  const added = parse(addMembers(bytes, { safety: { a: 1 }, model: 'never' })) as Json
  return firstOf(
    [Object.hasOwn(before, 'model') && textOf(parse(set)) !== textOf(wanted), 'setting a model did more, or less'],
    [Object.hasOwn(vertex, 'model') || typeof vertex.anthropic_version !== 'string', 'no body for Vertex'],
    [typeof counted.anthropic_version !== 'string', 'no count for Vertex'],
    [textOf(added.safety) !== textOf(before.safety ?? { a: 1 }), 'a member was not added'],
    [textOf(Object.keys(before).toSorted()) !== textOf(namesOf(bytes)), 'the names of the members are others'],
  )
})

/** ASCII only: others are not decoded in names, which no name of the API needs. */
const namesOf = (bytes: Uint8Array): readonly string[] => {
  const text = latin1(bytes)
  const names = membersAt(text, rootAt(text)).map(({ name }) => name)
  return [...new Set(names)].toSorted()
}

const fits = pure('fitted-requests', 5, (draws) => {
  const bytes = bodyOf(draws)
  const without = Array.from({ length: 1 + draws.below(4) }, () => draws.pick(FEATURES))
  const fitted = inOneGo(fitAnthropic({ body: bytes, betas: ['a', 'effort-2025-11-24'], without }))
  const again = inOneGo(fitAnthropic({ body: fitted.body, betas: fitted.betas, without }))
  const [from, to] = [draws.pick(MODELS), draws.pick(MODELS)]
  const generation = inOneGo(fitGeneration(bytes, from, to))
  const clean = cleanForClaude(bytes)
  const vendor = cleanForVendor(bytes, 'p')
  for (const body of [fitted.body, generation, clean, vendor]) {
    parse(body)
    if (body.length > bytes.length + 1_000) return `${body.length} bytes of ${bytes.length}`
  }
  return firstOf(
    [!Buffer.from(again.body).equals(fitted.body), 'fitting twice is not fitting once'],
    [!Buffer.from(cleanForClaude(clean)).equals(clean), 'cleaning twice is not cleaning once'],
  )
})

const MODELS = ['claude-opus-5-5', 'claude-sonnet-4-5', 'claude-haiku-4-5', 'claude-3-7-sonnet', 'gpt-6', '', 'claude-']

const anything = pure('json-anything', 8, (draws) => {
  const seed = draws.chance(0.5) ? draws.pick([request, message]) : mutateJson(draws, draws.pick([request, message]))
  const bytes = mutate(draws, Buffer.from(spell(draws, seed)), JSON_WORDS)
  const text = latin1(bytes)
  const root = rootAt(text)
  const items = itemsAt(text, draws.chance(0.5) ? root : draws.below(text.length + 1))
  const members = isJson(bytes) ? membersAt(text, root) : []
  const strings = stringsIn(text, { start: 0, end: text.length })
  const pieces = piecesOf(bytes)
  const reading = readRequest(bytes, draws.chance(0.5))
  readMessage(bytes)
  markMessage('p', bytes)
  readOpenRouterPrices(bytes)
  return firstOf(
    [items.length + members.length + strings.length > 3 * text.length, 'more places than characters'],
    [!Buffer.concat(pieces).equals(bytes), 'the pieces are not the body'],
    [reading._tag === 'Valid' && !isJson(bytes), 'what is no JSON is valid'],
    [reading._tag === 'Valid' && !isSafe(reading.request), `counts ${JSON.stringify(reading)}`],
  )
})

const isJson = (bytes: Buffer): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

const isSafe = (counts: object): boolean =>
  Object.values(counts).every((count) => typeof count !== 'number' || (Number.isSafeInteger(count) && count >= 0))

export const jsonTargets: readonly Target[] = [edits, fits, anything]

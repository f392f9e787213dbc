/** The fields of the request that stand alone: limits, sampling, stop sequences, the user, streaming. */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import { isObject, type Json } from '#domain/dialect/openai/client-block.ts'
import type { Lowering } from '#domain/dialect/openai/lowering.ts'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'

export const outputLimit = (asked: Json, quirks: OpenAiQuirks): Json => {
  if (typeof asked.max_tokens !== 'number') return {}
  return { [quirks.maxTokensField]: Math.min(asked.max_tokens, quirks.maxOutputTokens ?? asked.max_tokens) }
}

/** The members that are numbers (`1e999` is none that JSON has), under their own names; those the server does not take are noted. */
export const sampling = (asked: Json, { quirks, dropped }: Lowering): Json => {
  const takes = {
    temperature: quirks.noSampling !== true,
    top_p: quirks.noSampling !== true,
    top_k: quirks.topK === true,
  }
  const given = Object.entries(takes).filter(([name]) => Number.isFinite(asked[name]))
  for (const [name, isTaken] of given) if (!isTaken) dropped.add(name)
  return Object.fromEntries(given.filter(([, isTaken]) => isTaken).map(([name]) => [name, asked[name]]))
}

/** OpenAI's own maximum. */
const MOST_STOPS = 4

export const stop = (asked: Json, { quirks, dropped }: Lowering): Json => {
  const given: readonly unknown[] = Array.isArray(asked.stop_sequences) ? asked.stop_sequences : []
  const stops = given.filter((text) => typeof text === 'string' && text !== '')
  if (stops.length === 0) return {}
  const isTaken = quirks.noStop !== true
  if (!isTaken || stops.length > MOST_STOPS) dropped.add('stop_sequences')
  return isTaken ? { stop: stops.slice(0, MOST_STOPS) } : {}
}

/** Claude Code's id is longer than the server takes, and names the user's device and account. */
export const user = (asked: Json, { quirks, dropped }: Lowering): Json => {
  if (!isObject(asked.metadata)) return {}
  const id = asked.metadata.user_id
  if (typeof id !== 'string' || quirks.userField === undefined) {
    dropped.add('metadata')
    return {}
  }
  return { [quirks.userField]: fnvHash(id) }
}

export const streaming = (isStream: boolean, quirks: OpenAiQuirks): Json => {
  if (!isStream) return { stream: false }
  return quirks.noStreamOptions === true ? { stream: true } : { stream: true, stream_options: { include_usage: true } }
}

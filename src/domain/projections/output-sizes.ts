/**
 * How many tokens answers have, per family of models and kind of request: what the cost of a request that is not answered
 * yet is estimated with. Means are of the last answers, not of the last minutes: sizes do not change with the time of day.
 */
import { parseClaudeModel } from '#domain/claude-models.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { ModelId } from '#domain/ids.ts'
import { memo } from '#domain/memo.ts'
import { namesKey } from '#domain/names-key.ts'
import { FOLLOWED, follow, type OpenRequests } from '#domain/projections/open-attempts.ts'
import type { Projection } from '#domain/projections/projection.ts'
import { type RequestKind, requestKind } from '#domain/request-kind.ts'

export interface MeanSize {
  readonly tokens: number
  readonly samples: number
}

export interface OutputSizes {
  /** By JSON of [family, kind], and of [kind] over all families; the least recently learned first. */
  readonly sizes: Map<string, MeanSize>
  readonly open: OpenRequests<RequestKind>
}

/** Models that are not Claude's are families of their own, and clients can make names up. */
export const SIZES_KEPT = 300
/** The newest answer weighs 1/50, once there have been as many; before, all weigh the same. */
export const ANSWERS_REMEMBERED = 50
/** Until the first answer: a tool call with a sentence. All candidates get the same, so it hardly matters. */
export const ASSUMED_TOKENS = 500

export const outputSizes: Projection<OutputSizes> = {
  name: 'outputSizes',
  version: 1,
  hears: FOLLOWED,
  initial: () => ({ sizes: new Map(), open: new Map() }),
  evolve: (state, occurred) => {
    const ended = follow(state.open, occurred, requestKind)
    const { event } = occurred
    // A provider that counts nothing teaches nothing.
    if (ended === undefined || event._tag !== 'AttemptSucceeded' || event.usage.outputTokens === 0) return state
    learn(state, keyOf(ended.model, ended.asked), event.usage.outputTokens)
    learn(state, keyOfAll(ended.asked), event.usage.outputTokens)
    return state
  },
}

/** Tokens to expect of an answer to `request` by `model`, as the provider is asked for it; at most what the client allows. */
export const expectedOutput = (
  { sizes }: OutputSizes,
  model: ModelId,
  request: Pick<RequestAdmitted, 'agentId' | 'tools' | 'maxTokens'>,
): number => {
  const kind = requestKind(request)
  const { tokens } = sizes.get(keyOf(model, kind)) ?? sizes.get(keyOfAll(kind)) ?? { tokens: ASSUMED_TOKENS }
  return Math.min(Math.round(tokens), request.maxTokens ?? Number.POSITIVE_INFINITY)
}

const keyOf = (model: ModelId, kind: RequestKind): string => namesKey([familyOf(model), kind])

/** Asked for every candidate of every request. */
const NAMES_KEPT = 500
const familyOf = memo(NAMES_KEPT, (model) => parseClaudeModel(model)?.family ?? model)

const keyOfAll = (kind: RequestKind): string => namesKey([kind])

const learn = ({ sizes }: OutputSizes, key: string, outputTokens: number): void => {
  const before = sizes.get(key) ?? { tokens: 0, samples: 0 }
  const samples = before.samples + 1
  const tokens = before.tokens + (outputTokens - before.tokens) / Math.min(samples, ANSWERS_REMEMBERED)
  sizes.delete(key)
  sizes.set(key, { tokens, samples })
  const [oldest] = sizes.keys()
  if (oldest !== undefined && sizes.size > SIZES_KEPT) sizes.delete(oldest)
}

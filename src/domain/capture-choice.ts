/**
 * Which requests are captured: a share of them, or those that fit a rule. It follows from the request alone, so that looking
 * at it again gives the same.
 */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import type { RequestAdmitted } from '#domain/events.ts'
import type { ProviderId, RequestId } from '#domain/ids.ts'
import { matchesModel } from '#domain/model-map.ts'
import { type RequestKind, requestKind } from '#domain/request-kind.ts'

/** What a rule does not name fits everything. */
export interface CaptureRule {
  readonly kind?: RequestKind
  /** Pattern of the model that the client asks for. */
  readonly model?: string
  readonly project?: string
  /** Name of the client key. */
  readonly key?: string
  /** Who served it, or was tried last. */
  readonly provider?: ProviderId
}

export interface CaptureChoice {
  /** 0 … 1, of the requests that fit. */
  readonly sampleShare: number
  /** One of them must fit; none: all requests fit. */
  readonly only: readonly CaptureRule[]
}

/** @param provider undefined: it is not known yet, and any rule about it may still fit */
export const isChosen = (
  { sampleShare, only }: CaptureChoice,
  request: Omit<RequestAdmitted, '_tag' | 'draw'>,
  provider: ProviderId | undefined,
): boolean =>
  isSampled(request.requestId, sampleShare) &&
  (only.length === 0 ||
    only.some(
      (rule) =>
        (rule.kind === undefined || rule.kind === requestKind(request)) &&
        (rule.model === undefined || matchesModel(rule.model, request.model)) &&
        (rule.project === undefined || rule.project === request.project) &&
        (rule.key === undefined || rule.key === request.clientKey) &&
        (rule.provider === undefined || provider === undefined || rule.provider === provider),
    ))

const isSampled = (id: RequestId, share: number): boolean =>
  Number.parseInt(fnvHash(`${id}/capture`).slice(0, DIGITS), 16) / 16 ** DIGITS < share

/** 52 bits: what a number holds exactly. */
const DIGITS = 13

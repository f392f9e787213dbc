/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/), level 1: which trace a request belongs to. The ids of a trace that
 * begins here, and of every span, follow from the request's id: they need no draw, no place in the log, and are the same
 * after a restart.
 */
import { fnvHash } from '#domain/dialect/fnv-hash.ts'
import type { RequestId } from '#domain/ids.ts'

export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits; absent: the trace begins here. */
  readonly parentSpanId?: string
  /** Whether the caller records its part; absent: there is no caller. */
  readonly isSampled?: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * The value of a `traceparent` header in the form of version 00; undefined where it is not valid, which means that the trace
 * begins anew. A later version may say more behind what this one knows.
 */
export const readTraceparent = (header: string | undefined): string | undefined => {
  const [, version = '', traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(header ?? '') ?? []
  if (version === '' || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return `00-${traceId}-${spanId}-${flags}`
}

/** @param traceparent as `readTraceparent` answered; absent: the client sent none. */
export const traceOf = (requestId: RequestId, traceparent: string | undefined): TraceContext => {
  const [, traceId, parentSpanId, flags] = traceparent?.split('-') ?? []
  if (traceId === undefined || parentSpanId === undefined) {
    // Two hashes of 64 bits; the id holds 128 random ones.
    return { traceId: fnvHash(requestId) + fnvHash(`${requestId}/trace`) }
  }
  return { traceId, parentSpanId, isSampled: (Number.parseInt(flags ?? '', 16) & SAMPLED) !== 0 }
}

const SAMPLED = 1

/** 16 hex digits. @param attempt 1, 2, 3 …; 0 is the request's own span. */
export const spanIdOf = (requestId: RequestId, attempt: number): string => fnvHash(`${requestId}/${attempt}`)

/**
 * Whether the spans of a request are recorded: as its caller does, else this share of the traces, by the last 56 bits of their
 * ids, so that everybody who samples in this way takes the same ones.
 */
export const isSampled = (trace: TraceContext, sampleShare: number): boolean =>
  trace.isSampled ?? Number.parseInt(trace.traceId.slice(-RANDOM_DIGITS), 16) / 16 ** RANDOM_DIGITS < sampleShare

const RANDOM_DIGITS = 14

/** What a provider is told, where it is told anything: the span of this attempt is its parent. */
export const attemptTraceparent = (
  requestId: RequestId,
  traceparent: string | undefined,
  attempt: number,
  sampleShare: number,
): string => {
  const trace = traceOf(requestId, traceparent)
  return `00-${trace.traceId}-${spanIdOf(requestId, attempt)}-${isSampled(trace, sampleShare) ? '01' : '00'}`
}

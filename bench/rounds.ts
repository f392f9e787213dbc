/**
 * CPU per request of proxies that are loaded in turn, round by round: what else the machine does falls on all of them, so
 * the ratio of each round says more than the figures themselves.
 */
import { type Call, load } from './load.ts'
import type { Server } from './process.ts'
import { quantile, type Summary, summary } from './statistics.ts'

export interface RoundOptions {
  readonly rounds: number
  /** Of each proxy in each round. */
  readonly requests: number
  readonly concurrency: number
  readonly note: (text: string) => void
}

export interface ProxyCost {
  readonly cpuMsPerRequest: Summary
  readonly requestsPerSecond: Summary
  readonly residentBytes: number
  /** Pieces in which one answer came. */
  readonly pieces: number
}

/** A proxy and what it is asked. */
export interface Party {
  readonly server: Server
  readonly call: Call
}

export interface Measured {
  readonly cost: ProxyCost
  /** Of each round, ms per request. */
  readonly cpuMs: readonly number[]
}

export const alternate = async <Name extends string>(
  parties: Readonly<Record<Name, Party>>,
  { rounds, requests, concurrency, note }: RoundOptions,
): Promise<Readonly<Record<Name, Measured>>> => {
  const entries = Object.entries<Party>(parties).map(([name, party]) => ({ name, party, measured: [] as Round[] }))
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round, so that none always runs on what the one before left behind.
    for (const { name, party, measured } of round % 2 === 0 ? entries : entries.toReversed()) {
      const before = party.server.cpuMs()
      const result = await load(party.server.url, party.call, { requests, concurrency })
      const cpuMs = (party.server.cpuMs() - before) / requests
      measured.push({ cpuMs, perSecond: (requests * 1_000) / result.wallMs, pieces: result.pieces })
      note(`round ${round + 1}/${rounds} ${name} ${cpuMs.toFixed(3)} ms of CPU per request`)
    }
  }
  const results = entries.map(({ name, party, measured }) => [name, judge(party.server, measured)])
  // The names are those that were given.
  return Object.fromEntries(results) as Record<Name, Measured>
}

/** CPU of one over the other's, of each round. */
export const ratios = (one: Measured, other: Measured): readonly number[] =>
  one.cpuMs.map((cpuMs, round) => cpuMs / (other.cpuMs[round] ?? Number.NaN))

interface Round {
  readonly cpuMs: number
  readonly perSecond: number
  readonly pieces: number
}

const judge = (server: Server, rounds: readonly Round[]): Measured => {
  const cpuMs = rounds.map((round) => round.cpuMs)
  const pieces = rounds.map((round) => round.pieces)
  return {
    cpuMs,
    cost: {
      cpuMsPerRequest: summary(cpuMs),
      requestsPerSecond: summary(rounds.map((round) => round.perSecond)),
      residentBytes: server.residentBytes(),
      pieces: quantile(pieces, 0.5),
    },
  }
}

/**
 * Random worlds in virtual time: every invariant of every world. SIGNALBOX_TEST_WORLDS sets how many (`scripts/seeds.ts`
 * plays thousands), SIGNALBOX_TEST_SEED the first seed; without it the seeds differ from run to run.
 */
import { expect, it } from 'vitest'
import { checkSeed, playInVirtualTime, replayCommand, worldOf } from '#test/worlds/check-seed.ts'
import { INVARIANTS } from '#test/worlds/invariants.ts'

const WORLDS = Number(process.env.SIGNALBOX_TEST_WORLDS ?? 120)
const FIRST = Number(process.env.SIGNALBOX_TEST_SEED ?? Date.now() % 1_000_000_000)

it(`every invariant holds in ${WORLDS} random worlds from seed ${FIRST}`, {
  timeout: 60_000 + WORLDS * 2_000,
}, async () => {
  for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
    const found = await checkSeed(seed)
    expect(found, `seed ${seed} breaks an invariant; again: ${replayCommand(seed)}`).toEqual([])
  }
})

it('the same seed plays the same world to the same events', async () => {
  const seed = FIRST + WORLDS
  const [first, second] = [await playInVirtualTime(worldOf(seed)), await playInVirtualTime(worldOf(seed))]
  expect(second.rows, replayCommand(seed)).toEqual(first.rows)
})

it('worlds are rich enough for every invariant to have something to say', async () => {
  const seen = new Map<string, number>()
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  for (let seed = 1; seed <= 240; seed++) {
    const { rows, requests, lives, journal } = await playInVirtualTime(worldOf(seed))
    for (const { event } of rows) {
      count(event._tag)
      if (event._tag === 'AttemptFailed') count(`${event.reason._tag} in ${event.stage}`)
      if (event._tag === 'AttemptStarted' && event.probe !== undefined) count('probe')
      if (event._tag === 'AttemptStarted' && event.attempt > 1) count('fallback')
    }
    for (const { fate, seen: client } of requests) count(client.destroyed ? 'broken off' : fate)
    for (const { cutOff } of lives) count(cutOff ? 'cut off' : 'stopped')
    for (const entry of journal)
      if (entry._tag === 'end' && entry.failingSince !== undefined) count('ended while the log failed')
  }
  const wanted = [
    ...['AttemptSucceeded', 'RequestFailed', 'RequestCancelled', 'RequestAbandoned', 'PolicyChanged', 'BoxStopped'],
    ...[
      'ProviderThrottled',
      'ProviderRecovered',
      'CircuitOpened',
      'CircuitHalfOpened',
      'CircuitClosed',
      'ProviderRetired',
    ],
    ...['CooldownElapsed', 'ProbeLeaseExpired', 'CapabilityLearned', 'probe', 'fallback'],
    ...['RateLimited in S0', 'Overloaded in S0', 'InvalidRequest in S0', 'CredentialRefused in S0', 'Timeout in S1'],
    ...['Transport in S0', 'Transport in S2', 'MalformedOutput in S2', 'Timeout in S2', 'Cancelled in S2'],
    ...['answered', 'left', 'shutdown', 'killed', 'broken off', 'cut off', 'stopped', 'ended while the log failed'],
  ]
  expect(wanted.filter((what) => !seen.has(what))).toEqual([])
  expect(Object.keys(INVARIANTS).length).toBeGreaterThan(20)
})

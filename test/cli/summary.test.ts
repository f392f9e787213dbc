import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { summary } from '#cli/summary.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { requestNamed } from '#test/generators.ts'
import { domainEvents } from '#test/recorded-events.ts'

const provider = providerId('github')
const model = modelId('openai/gpt-4.1')

describe('the line of an event', () => {
  it.each<readonly [DomainEvent, string]>([
    [
      { _tag: 'ProviderRetired', provider, because: { _tag: 'Retired', status: 410 } },
      'github for good: retired (410)',
    ],
    [
      {
        _tag: 'CapabilityLearned',
        requestId: requestNamed(1),
        provider,
        model,
        features: ['beta:x', 'field:y'],
        until: Date.UTC(2026, 6, 30),
      },
      'github (openai/gpt-4.1) without beta:x, field:y until 2026-07-30T00:00:00.000Z',
    ],
    [
      { _tag: 'SunsetAnnounced', provider, model, sunsetAt: Date.UTC(2026, 6, 30) },
      'github (openai/gpt-4.1) ends 2026-07-30T00:00:00.000Z',
    ],
    [
      {
        ...{ _tag: 'AttemptFailed', requestId: requestNamed(1), attempt: 2, provider, model },
        ...{ reason: { _tag: 'FeatureRefused', status: 400, features: ['beta:x'] } },
        ...{ stage: 'S0', durationMs: 7, draw: 0 },
      },
      '2. github: feature refused: beta:x (400) at S0 after 7 ms',
    ],
  ])('says %o', (event, line) => {
    expect(summary(event)).toBe(line)
  })

  it('says something of every event, and names its provider', () => {
    fc.assert(
      fc.property(domainEvents, (event) => {
        const line = summary(event)
        expect(line.length).toBeGreaterThan(0)
        if ('provider' in event && event.provider !== undefined) expect(line).toContain(event.provider)
      }),
    )
  })
})

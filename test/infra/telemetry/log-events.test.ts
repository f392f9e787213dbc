import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { line } from '#infra/telemetry/event-line.ts'
import { requestNamed } from '#test/generators.ts'

const provider = providerId('github')
const model = modelId('openai/gpt-4.1')

describe('the log', () => {
  it('warns of a provider that is gone for good: permanent whatever it says, and its entry must change', () => {
    const [level, message] =
      line({ _tag: 'ProviderRetired', provider, because: { _tag: 'Retired', status: 410 } }) ?? []
    expect(level).toBe('Warn')
    expect(message).toMatch(/^github is gone for good/)
    expect(message).toMatch(/permanent, whatever its text says/)
    expect(message).toMatch(/change or remove its entry in the configuration/)
  })

  it.each<readonly [Partial<DomainEvent>, string]>([
    [
      { sunsetAt: Date.UTC(2026, 6, 30), deprecatedAt: Date.UTC(2026, 4, 5) },
      'deprecated since 2026-05-05T00:00:00.000Z, ends 2026-07-30T00:00:00.000Z',
    ],
    [{ sunsetAt: Date.UTC(2026, 6, 30) }, 'ends 2026-07-30T00:00:00.000Z'],
    [{ deprecatedAt: Date.UTC(2026, 4, 5) }, 'deprecated since 2026-05-05T00:00:00.000Z'],
    // A header of a stranger may hold a number beyond the calendar.
    [{ sunsetAt: 9e15 }, 'ends epoch ms 9000000000000000'],
    [{}, 'no date is told'],
  ])('warns of an announced end with its dates: %o', (dates, told) => {
    expect(line({ _tag: 'SunsetAnnounced', provider, model, ...dates } as DomainEvent)).toEqual([
      'Warn',
      `github announces the end of openai/gpt-4.1: ${told}`,
    ])
  })

  it('tells what a provider refused, without alarm', () => {
    const requestId = requestNamed(1)
    const features = ['beta:effort-2025-11-24', 'field:output_config']
    expect(line({ _tag: 'CapabilityLearned', requestId, provider, model, features, until: 1 })).toEqual([
      'Info',
      'github refuses beta:effort-2025-11-24, field:output_config for openai/gpt-4.1: requests go without',
    ])
  })
})

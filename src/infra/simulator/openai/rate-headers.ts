/**
 * OpenAI's rate-limit headers, with Go durations. Tokens are the input tokens of the simulated limits.
 */
import type { HeaderList } from '#actors/ports.ts'
import type { LimitName, RateLimits } from '#infra/simulator/rate-limits.ts'

export const openAiRateHeaders = (
  limits: RateLimits,
  now: number,
  exhausted: { readonly limit: LimitName; readonly retryAfterSeconds: number } | undefined,
): HeaderList =>
  limits.state(now).flatMap(({ name, limit, remaining, resetMs }) => {
    const short = name === 'requests' ? 'requests' : name === 'input-tokens' ? 'tokens' : undefined
    if (short === undefined) return []
    const used = exhausted !== undefined && (exhausted.limit === 'requests') === (short === 'requests')
    return [
      [`x-ratelimit-limit-${short}`, String(limit)],
      [`x-ratelimit-remaining-${short}`, String(used ? 0 : remaining)],
      [`x-ratelimit-reset-${short}`, goDuration(used ? exhausted.retryAfterSeconds * 1_000 : resetMs)],
    ]
  })

/** `120ms`, `7.66s`, `6m0s`, `1h2m3.5s`, as Go prints durations. */
export const goDuration = (ms: number): string => {
  const whole = Math.ceil(ms)
  if (whole === 0) return '0s'
  if (whole < 1_000) return `${whole}ms`
  const hours = Math.floor(whole / 3_600_000)
  const minutes = Math.floor(whole / 60_000) % 60
  const seconds = (whole % 60_000) / 1_000
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

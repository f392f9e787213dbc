import type { AnthropicPreset } from '#infra/upstream/profile.ts'

/** Anthropic's own API (providers 1). */
export const anthropic: AnthropicPreset = {
  title: 'Anthropic',
  dialect: 'anthropic',
  baseUrl: 'https://api.anthropic.com',
  credential: { env: 'ANTHROPIC_API_KEY', header: 'x-api-key' },
  errors: 'pass',
}

/** Any server of the Messages API that no preset describes. */
export const anyAnthropic: AnthropicPreset = { title: 'any server', dialect: 'anthropic', credential: 'none' }

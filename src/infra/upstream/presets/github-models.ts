import type { ChatPreset } from '#infra/upstream/profile.ts'

/** GitHub Models: retired at its own address; its dialect lives on wherever `baseUrl` says (providers 3). */
export const githubModels: ChatPreset = {
  title: 'GitHub Models',
  dialect: 'openai',
  baseUrl: 'https://models.github.ai',
  credential: { env: 'GITHUB_TOKEN', header: 'bearer' },
  paths: { call: '/inference/chat/completions', models: '/catalog/models' },
  settings: { organization: { optional: true } },
  pathsWith: { organization: { call: '/orgs/{organization}/inference/chat/completions', models: '/catalog/models' } },
  headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
  models: {
    'claude-fable-*': 'openai/gpt-4.1',
    'claude-opus-*': 'openai/gpt-4.1',
    'claude-sonnet-*': 'openai/gpt-4.1',
    'claude-haiku-*': 'openai/gpt-4.1-mini',
  },
  // The free tier's (providers 3.3).
  limits: { maxInputTokens: 8_000, maxOutputTokens: 4_000 },
  quirks: { schema: 'openai', maxTools: 128, maxDescription: 1_024 },
  retired: {
    since: '2026-07-30',
    successors:
      'Microsoft Foundry (kind anthropic-compatible, preset foundry, for Claude; kind openai-compatible, preset azure, for GPT), OpenRouter, or any endpoint that speaks its dialect, through baseUrl',
  },
  notes: [
    'It speaks as it always did, so `baseUrl` may name an enterprise, self-hosted or successor endpoint of the same dialect; that is the way back.',
    'Its free tier took 8,000 tokens, less than the first request of a Claude Code session: such an endpoint serves titles, background calls and short sub-agents only. At an address of your own there is no limit unless `limits.maxInputTokens` says one.',
  ],
}

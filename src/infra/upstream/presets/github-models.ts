import type { ChatPreset } from '#infra/upstream/profile.ts'

/** GitHub Models: retired at its own address; its dialect lives on wherever `baseUrl` says (providers 3). */
export const githubModels: ChatPreset = {
  title: 'GitHub Models',
  dialect: 'openai',
  baseUrl: 'https://models.github.ai',
  credential: { env: 'GITHUB_TOKEN', header: 'bearer' },
  paths: { call: '/inference/chat/completions', models: '/catalog/models' },
  pathsWith: { organization: { call: '/orgs/{organization}/inference/chat/completions', models: '/catalog/models' } },
  headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
  models: {
    'claude-fable-*': 'openai/gpt-4.1',
    'claude-opus-*': 'openai/gpt-4.1',
    'claude-sonnet-*': 'openai/gpt-4.1',
    'claude-haiku-*': 'openai/gpt-4.1-mini',
  },
  // The free tier's; a paid endpoint may say more in `limits`.
  maxInputTokens: 8_000,
  quirks: { schema: 'openai', maxOutputTokens: 4_000, maxTools: 128, maxDescription: 1_024 },
  retired: {
    since: '2026-07-30',
    successors:
      'Microsoft Foundry (kind anthropic-compatible, preset foundry, for Claude; kind openai-compatible, preset azure, for GPT), OpenRouter, or any endpoint that speaks its dialect, through baseUrl',
  },
}

import type { AnthropicPreset } from '#infra/upstream/profile.ts'

// Vendors with an endpoint in the Anthropic format: two that serve Claude, others that serve models of their own.

/** Claude in Amazon Bedrock (Mantle): a Bedrock API key, standard events (providers 9). */
export const bedrockMantle: AnthropicPreset = {
  title: 'Claude in Amazon Bedrock (Mantle)',
  dialect: 'anthropic',
  baseUrl: 'https://bedrock-mantle.{region}.api.aws/anthropic',
  settings: { region: { variables: ['AWS_REGION', 'AWS_DEFAULT_REGION'] } },
  credential: { env: 'AWS_BEARER_TOKEN_BEDROCK', header: 'bearer' },
  paths: { call: '/v1/messages' },
  naming: 'bedrock-mantle',
  lists: 'claude',
  maxBodyBytes: 20_000_000,
  without: ['field:inference_geo', 'field:speed'],
  lacks: ['source:file', 'tool:web_search_*', 'tool:web_fetch_*', 'tool:code_execution_*'],
  notes: ['It serves Claude Haiku from 4.5 and the other families from 4.7 on. The key is a Bedrock API key.'],
}

/** Claude in Microsoft Foundry: the variables are those of Claude Code itself. */
export const foundry: AnthropicPreset = {
  title: 'Claude in Microsoft Foundry',
  dialect: 'anthropic',
  baseUrl: 'https://{resource}.services.ai.azure.com/anthropic',
  settings: { resource: { variables: ['ANTHROPIC_FOUNDRY_RESOURCE'] } },
  credential: { env: 'ANTHROPIC_FOUNDRY_API_KEY', header: 'x-api-key' },
  naming: 'api',
  lists: 'claude',
  notes: ['Deployments are asked for by the names of their models; map what is named otherwise with `models`.'],
}

const vendor = (
  title: string,
  baseUrl: string,
  credential: AnthropicPreset['credential'],
  models: { readonly [pattern: string]: string },
): AnthropicPreset => ({
  title,
  dialect: 'anthropic',
  baseUrl,
  credential,
  paths: { call: '/v1/messages' },
  models,
  lacks: ['only:server-tools', 'source:url', 'source:file'],
  foreignThinking: true,
})

export const kimi = vendor(
  'Kimi',
  'https://api.moonshot.ai/anthropic',
  { env: 'MOONSHOT_API_KEY', header: 'bearer' },
  { 'claude-*': 'kimi-k3' },
)
export const zai = vendor(
  'Z.ai',
  'https://api.z.ai/api/anthropic',
  { env: 'ZAI_API_KEY', header: 'bearer' },
  // It takes Claude's names for its own models.
  { 'claude-*': 'claude-*' },
)
export const minimax = vendor(
  'MiniMax',
  'https://api.minimax.io/anthropic',
  { env: 'MINIMAX_API_KEY', header: 'bearer' },
  { 'claude-*': 'MiniMax-M2' },
)

import type { AnthropicPreset } from '#infra/upstream/profile.ts'

// Vendors with an endpoint in the Anthropic format: two that serve Claude, others that serve models of their own.

/** Claude in Amazon Bedrock (Mantle): a Bedrock API key, standard events (providers 9). */
export const bedrockMantle: AnthropicPreset = {
  title: 'Claude in Amazon Bedrock (Mantle)',
  dialect: 'anthropic',
  baseUrl: 'https://bedrock-mantle.{region}.api.aws/anthropic',
  credential: { env: 'AWS_BEARER_TOKEN_BEDROCK', header: 'bearer' },
  paths: { call: '/v1/messages' },
  naming: 'bedrock-mantle',
  lists: 'claude',
  without: ['field:inference_geo', 'field:speed'],
  lacks: ['source:file', 'tool:web_search_*', 'tool:web_fetch_*', 'tool:code_execution_*'],
}

/** Claude in Microsoft Foundry. */
export const foundry: AnthropicPreset = {
  title: 'Claude in Microsoft Foundry',
  dialect: 'anthropic',
  baseUrl: 'https://{resource}.services.ai.azure.com/anthropic',
  credential: { env: 'AZURE_FOUNDRY_API_KEY', header: 'x-api-key' },
  naming: 'api',
  lists: 'claude',
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

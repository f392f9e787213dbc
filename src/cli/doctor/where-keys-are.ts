/**
 * What the operator needs beside Signalbox: the page where a service's keys are made, the command that starts a local
 * server. By preset, or by kind where that is one service.
 */
import type { ResolvedProvider } from '#infra/config/config.ts'

const KEY_PAGES: { readonly [preset: string]: string } = {
  anthropic: 'https://platform.claude.com/settings/keys',
  openrouter: 'https://openrouter.ai/settings/keys',
  'github-models': 'https://github.com/settings/personal-access-tokens',
  'bedrock-mantle': 'https://console.aws.amazon.com/bedrock/home#/api-keys',
  foundry: 'https://ai.azure.com',
  azure: 'https://ai.azure.com',
  openai: 'https://platform.openai.com/api-keys',
  gemini: 'https://aistudio.google.com/apikey',
  groq: 'https://console.groq.com/keys',
  deepseek: 'https://platform.deepseek.com/api_keys',
  mistral: 'https://console.mistral.ai/api-keys',
  xai: 'https://console.x.ai',
  together: 'https://api.together.ai/settings/api-keys',
  kimi: 'https://platform.moonshot.ai/console/api-keys',
  zai: 'https://z.ai/manage-apikey/apikey-list',
  minimax: 'https://platform.minimax.io/user-center/basic-information/interface-key',
}

/** The ports are those of the presets (src/infra/upstream/presets/local-servers.ts). */
const START_COMMANDS: { readonly [preset: string]: string } = {
  ollama: 'ollama serve',
  vllm: 'vllm serve MODEL',
  'llama-cpp': 'llama-server --port 8081 -m MODEL.gguf --jinja',
  'lm-studio': 'lms server start',
}

const nameOf = ({ kind, preset }: Pick<ResolvedProvider, 'kind' | 'preset'>): string => preset ?? kind

export const keyPage = (provider: Pick<ResolvedProvider, 'kind' | 'preset'>): string | undefined =>
  KEY_PAGES[nameOf(provider)]

export const startCommand = (provider: Pick<ResolvedProvider, 'kind' | 'preset'>): string | undefined =>
  START_COMMANDS[nameOf(provider)]

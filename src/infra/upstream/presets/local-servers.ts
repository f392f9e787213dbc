import type { AnthropicPreset, ChatPreset } from '#infra/upstream/profile.ts'

// Servers on the own machine or network, in both dialects. They know neither Claude's tools nor its thinking.

const anthropic = (title: string, baseUrl: string, notes: readonly string[] = []): AnthropicPreset => ({
  title,
  dialect: 'anthropic',
  baseUrl,
  credential: 'none',
  paths: { call: '/v1/messages' },
  lacks: ['only:server-tools', 'source:url', 'source:file'],
  foreignThinking: true,
  notes,
})

const chat = (
  title: string,
  baseUrl: string,
  { quirks, notes = [] }: Pick<ChatPreset, 'quirks' | 'notes'> = {},
): ChatPreset => ({
  title,
  dialect: 'openai',
  baseUrl,
  credential: 'none',
  quirks: { systemFirstOnly: true, thinkTags: true, topK: true, ...quirks },
  notes,
})

const LLAMA_PORT = ['The default port of `llama-server` is that of Signalbox: start it with `--port 8081`.']

export const ollamaAnthropic = anthropic('Ollama', 'http://127.0.0.1:11434')
export const vllmAnthropic = anthropic('vLLM', 'http://127.0.0.1:8000')
export const llamaCppAnthropic = anthropic('llama.cpp', 'http://127.0.0.1:8081', LLAMA_PORT)
export const lmStudioAnthropic = anthropic('LM Studio', 'http://127.0.0.1:1234')

export const ollama = chat('Ollama', 'http://127.0.0.1:11434/v1', {
  quirks: { noRequiredToolChoice: true, noParallelToolCalls: true },
})
export const vllm = chat('vLLM', 'http://127.0.0.1:8000/v1')
export const llamaCpp = chat('llama.cpp', 'http://127.0.0.1:8081/v1', { notes: LLAMA_PORT })
export const lmStudio = chat('LM Studio', 'http://127.0.0.1:1234/v1', { quirks: { noRequiredToolChoice: true } })

import { readFileSync } from 'node:fs'

/** The program that pods of mode Worker run. It is part of the operator and so has its version. */
export const agentScript: string = readFileSync(new URL('agent.sh', import.meta.url), 'utf8')

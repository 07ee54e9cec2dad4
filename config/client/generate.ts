// Writes src/client/contract.ts from the OpenAPI document. Called by `make generate`.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openApiDocument } from '../../src/http/openapi/document.ts'
import { contractOf } from './contract.ts'

const root = join(import.meta.dirname, '../..')
const file = join(root, 'src/client/contract.ts')
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
const args = ['format', '--config-path', join(root, 'config/formatter.json'), '--stdin-file-path', file]
const input = contractOf(openApiDocument('generated'))
writeFileSync(file, execFileSync(process.execPath, [biome, ...args], { cwd: root, input }))

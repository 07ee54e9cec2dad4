import { createHash } from 'node:crypto'
import { elementsOf, fieldsOf, type Json } from '../../api/json.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'

/** An image of a pool, and the container that keeps it on a node. */
export interface PooledImage {
  image: string
  /** Name of the container: it derives from the image alone, so that pods of any template show whether they have it. */
  container: string
  /** When the template wants it pulled; undefined for the API server's default. */
  pullPolicy: unknown
}

/** Most images of a pool: as many as its status can list. */
const MOST_IMAGES = 32

/** The images of all containers in the template of a pool, each once. In mode Worker the agent runs in one of them. */
export function imagesOf({ spec: { template } }: RunnerPool): PooledImage[] {
  const found = new Map<string, PooledImage>()
  for (const container of containersOf(template.spec)) {
    const { image, imagePullPolicy: pullPolicy } = fieldsOf(container)
    if (typeof image !== 'string' || image === '' || found.has(image)) continue
    found.set(image, { image, container: containerName(image), pullPolicy })
  }
  return [...found.values()].slice(0, MOST_IMAGES)
}

function containersOf(spec: Json): readonly unknown[] {
  return [...elementsOf(spec['initContainers']), ...elementsOf(spec['containers'])]
}

function containerName(image: string): string {
  return `image-${createHash('sha256').update(image).digest('hex').slice(0, 16)}`
}

/** Builds the image of this folder's tests and loads it into the cluster, before the first test needs it. */
import { prepare } from './installation/image.ts'

const { image } = await prepare()
console.log(`${image} is in the cluster`)

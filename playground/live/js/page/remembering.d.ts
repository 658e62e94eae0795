// page/remembering/browser/ as a module, which the export writes: keeps and says what was typed and drawn.
export default function remember(...loaded: any[]): Promise<void>;

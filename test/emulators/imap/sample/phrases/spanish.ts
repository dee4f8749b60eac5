import type { Phrasebook } from '../phrasebook.ts';

export const spanish: Phrasebook = {
  language: 'es',
  people: [
    { name: 'María José Núñez', address: 'mj.nunez@vinos-del-sur.example' },
    { name: 'Íñigo Peña', address: 'inigo@taller-pena.example' },
  ],
  greet: (name) => `Hola, ${name}:`,
  closings: ['Un cordial saludo,', 'Saludos desde Cádiz,'],
  fillers: [
    'Quedo a la espera de tu respuesta.',
    'Si lo prefieres, lo hablamos mañana por teléfono.',
    'El resto sigue como acordamos en otoño.',
  ],
  topics: [
    {
      subject: 'Pedido {n}: ¿cuándo llega el camión?',
      opening: [
        'El pedido {n} debía llegar ayer y en el almacén no saben nada.',
        '¿Puedes averiguar por dónde anda el camión?',
      ],
      answers: [
        'Lleva un día de retraso por la nieve; mañana a primera hora está ahí.',
        'Ya ha llegado, todo en orden. ¡Gracias!',
      ],
    },
    {
      subject: 'Contrato de mantenimiento para el próximo año',
      opening: [
        'Te envío el contrato de mantenimiento para el año que viene.',
        'Solo cambia la cláusula cuarta: dos visitas más sin coste.',
      ],
      answers: [
        'Lo he leído y me parece bien. ¿Lo firmamos el lunes?',
        'El lunes a las once, en vuestra oficina.',
      ],
      file: 'contrato-{n}.pdf',
    },
  ],
  quoteIntro: (name, day) => `El ${day}, ${name} escribió:`,
  replyPrefix: 'RE: ',
  charsets: ['utf-8', 'iso-8859-1'],
};

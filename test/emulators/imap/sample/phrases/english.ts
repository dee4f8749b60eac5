import type { Phrasebook } from '../phrasebook.ts';

export const english: Phrasebook = {
  language: 'en',
  people: [
    { name: 'Olivia Bennett', address: 'olivia.bennett@northwind.example' },
    { name: 'Daniel Okafor', address: 'daniel@okafor-partners.example' },
    { name: 'Priya Raman', address: 'priya.raman@harbour-lights.test' },
    { name: 'O’Neill, Sean', address: 'sean.oneill@riverside-joinery.example' },
    { name: 'Grace Whitfield', address: 'grace@whitfield-studio.example' },
    { name: 'Tom Ashworth', address: 't.ashworth@example.org' },
  ],
  greet: (name) => `Hi ${name},`,
  closings: ['Best regards,', 'Many thanks,', 'Kind regards,', 'Cheers,'],
  fillers: [
    'Let me know if anything is unclear, I am at my desk until five.',
    'I have copied the two people who asked to be kept in the loop.',
    'There is no rush on our side, the end of next week is early enough.',
    'If it is easier we can talk it through on the phone tomorrow morning.',
    'Everything else stays as we agreed in September.',
  ],
  topics: [
    {
      subject: 'Quote for the reception desk ({n})',
      opening: [
        'Thank you for the drawings. We can build the desk in oak or in ash; the price below is for oak, oiled twice.',
        'Delivery would be six weeks after your order, and fitting takes our two joiners a day.',
      ],
      answers: [
        'Oak it is. Could you hold the price until the board has met on Thursday?',
        'The board said yes. Please send the order form and I will sign it today.',
        'Would it be possible to move the cable outlet thirty centimetres to the left?',
      ],
      file: 'quote-{n}.pdf',
    },
    {
      subject: 'Invoice {n} – a question about the second line',
      opening: [
        'We are reconciling last month and cannot place the second line of invoice {n}.',
        'Our records show four days of consulting, the invoice says five. Could you check?',
      ],
      answers: [
        'You are right, the fifth day belongs to the next period. A corrected invoice is on its way.',
        'Thanks for the quick correction, it will be paid with the Friday run.',
      ],
      file: 'invoice-{n}.csv',
    },
    {
      subject: 'Site visit next month',
      opening: [
        'Could we come by with three people to look at the loading bay before the tender closes?',
        'Any morning in the second week would do; we need about an hour.',
      ],
      answers: [
        'Tuesday at ten is free. Please bring safety shoes and register at the gate.',
        'Tuesday is perfect. The names for the gate: Bennett, Okafor and Raman.',
      ],
    },
    {
      subject: 'Feedback on the trial',
      opening: [
        'We have used the trial for two weeks now and the team likes it, above all the shared notes.',
        'Two things came up: the export stops at 500 rows, and reminders arrive an hour late since the clocks changed.',
      ],
      answers: [
        'Thank you, both are known. The export is fixed already, the reminders will be by Monday.',
        'I can confirm that the export works now. We would like to talk about 25 seats.',
      ],
    },
    {
      subject: 'Draft agenda for the quarterly review',
      opening: [
        'Here is a first draft: results, open tenders, hiring, and half an hour for questions.',
        'Please send me what is missing by Wednesday so that the room and the screens are ready.',
      ],
      answers: [
        'Looks complete to me. I would swap hiring and tenders, as Grace has to leave early.',
        'Swapped. The invitation goes out tonight.',
      ],
    },
  ],
  quoteIntro: (name, day) => `On ${day}, ${name} wrote:`,
  replyPrefix: 'Re: ',
  charsets: ['utf-8', 'utf-8', 'windows-1252'],
};

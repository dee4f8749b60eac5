import type { Phrasebook } from '../phrasebook.ts';

export const french: Phrasebook = {
  language: 'fr',
  people: [
    { name: 'Élodie Lefèvre', address: 'elodie.lefevre@atelier-lumiere.example' },
    { name: 'François Noël', address: 'f.noel@boulangerie-noel.example' },
    { name: 'Chloé Garçon', address: 'chloe@garcon-conseil.test' },
  ],
  greet: (name) => `Bonjour ${name},`,
  closings: ['Bien cordialement,', 'Très bonne journée,', 'À bientôt,'],
  fillers: [
    'N’hésitez pas à m’appeler si un point vous paraît obscur.',
    'Le reste demeure tel que nous l’avions décidé à la rentrée.',
    'Merci de me répondre avant jeudi, même brièvement.',
    'Nous serons fermés le lundi de Pâques.',
  ],
  topics: [
    {
      subject: 'Réunion d’équipe : compte rendu n° {n}',
      opening: [
        'Vous trouverez ci-dessous le compte rendu de la réunion d’équipe de mardi.',
        'Trois décisions ont été prises : le budget, le déménagement et l’embauche d’un apprenti.',
      ],
      answers: [
        'Merci pour ce compte rendu très clair. Il manque seulement la date du déménagement.',
        'C’est noté : le déménagement aura lieu à la mi-février.',
      ],
      file: 'Compte rendu été {n}.pdf',
    },
    {
      subject: 'Devis {n} pour l’éclairage de la vitrine',
      opening: [
        'Comme convenu, voici notre devis {n} pour l’éclairage de la vitrine.',
        'La pose est comprise et la garantie est de cinq ans.',
      ],
      answers: [
        'Le devis nous convient. Pourriez-vous intervenir avant les fêtes ?',
        'Nous pouvons passer le 12 décembre dès huit heures.',
        'Parfait, la boutique sera ouverte pour vous.',
      ],
      file: 'devis-{n}.pdf',
    },
    {
      subject: 'Commande en retard',
      opening: [
        'Notre commande du mois dernier n’est toujours pas arrivée et nos clients s’impatientent.',
        'Pouvez-vous nous donner une date de livraison ferme ?',
      ],
      answers: [
        'Toutes nos excuses : le camion est parti ce matin et sera chez vous demain.',
        'Bien reçu, tout est complet. Merci d’avoir fait vite.',
      ],
    },
  ],
  quoteIntro: (name, day) => `Le ${day}, ${name} a écrit :`,
  replyPrefix: 'RE: ',
  charsets: ['utf-8', 'windows-1252', 'utf-8'],
};

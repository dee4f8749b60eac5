import type { Phrasebook } from '../phrasebook.ts';

export const japanese: Phrasebook = {
  language: 'ja',
  people: [
    { name: '佐藤 健一', address: 'sato@yamabuki-shoji.example' },
    { name: '鈴木 美咲', address: 'misaki.suzuki@sakura-design.example' },
    { name: '高橋 大輔', address: 'd.takahashi@example.org' },
  ],
  greet: (name) => `${name} 様`,
  closings: ['どうぞよろしくお願いいたします。', '引き続きよろしくお願い申し上げます。'],
  fillers: [
    'ご不明な点がございましたら、お気軽にお問い合わせください。',
    'お忙しいところ恐れ入りますが、ご確認をお願いいたします。',
    '詳細につきましては、来週あらためてご連絡いたします。',
  ],
  topics: [
    {
      subject: '請求書 {n} の送付について',
      opening: [
        'いつもお世話になっております。今月分の請求書（番号 {n}）をお送りいたします。',
        'お支払い期限は翌月末日となっております。',
      ],
      answers: [
        '請求書を受け取りました。月末に振り込みいたします。',
        'ご入金を確認いたしました。誠にありがとうございます。',
      ],
      file: '請求書-{n}.pdf',
    },
    {
      subject: '打ち合わせ日程のご相談',
      opening: [
        '来月の打ち合わせの日程についてご相談させてください。',
        '当方は火曜日と木曜日の午後が空いております。',
      ],
      answers: [
        '木曜日の午後三時でお願いできますでしょうか。',
        '承知いたしました。木曜日の午後三時にお伺いいたします。',
      ],
    },
    {
      subject: 'パンフレットの校正（第{n}版）',
      opening: [
        'パンフレットの校正刷りができましたので、添付いたします。',
        '修正がございましたら、金曜日までにお知らせください。',
      ],
      answers: [
        '三ページの写真を差し替えていただけますか。',
        '差し替えました。これで印刷に進めてよろしいでしょうか。',
        '問題ありません。印刷をお願いいたします。',
      ],
      file: '校正-{n}.png',
    },
  ],
  quoteIntro: (name, day) => `${day} ${name} さんは書きました:`,
  replyPrefix: 'Re: ',
  charsets: ['iso-2022-jp', 'utf-8', 'iso-2022-jp'],
};
